"""Quality: of rankers, of samples, of weights and rates."""
