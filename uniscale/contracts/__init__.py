"""What crosses a stage: the schema of every lake table, once."""
