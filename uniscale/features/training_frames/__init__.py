"""Training frames: samples joined with the features known at their times, encoded as numbers."""
