"""What several rankers share."""
