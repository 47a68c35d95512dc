"""When: one file per pipeline, wiring only."""
