-- The lake's catalogue database is made by the image; Airflow and MLflow have one each.
create database airflow;
create database mlflow;
