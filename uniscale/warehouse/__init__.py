"""Runs the dbt project for a day."""
