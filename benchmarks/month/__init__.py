"""A simulated month under Airflow's own scheduler, with faults, next to the same month without any."""
