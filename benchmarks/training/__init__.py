"""Training steps: how fast, on how many workers."""
