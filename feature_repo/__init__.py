"""What is known: Feast definitions, no logic."""
