"""Looking up and scoring: how long a request takes."""
