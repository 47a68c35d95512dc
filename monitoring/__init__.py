"""What to watch: Evidently reports, the day's page, thresholds."""
