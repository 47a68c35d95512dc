"""The rankers: one paper, one file."""
