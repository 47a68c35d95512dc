"""Where it runs: train and tune on Ray."""
