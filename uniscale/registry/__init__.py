"""MLflow: runs, registered models, aliases, the promotion gate."""
