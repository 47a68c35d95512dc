"""A simulated shop with known truth: the default input, and the oracle for bias and attribution tests."""
