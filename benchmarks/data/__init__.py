"""From logs to samples: how fast, how large, how right."""
