"""What the DAG files are put together from: all that knows Airflow, apart from the wiring."""
