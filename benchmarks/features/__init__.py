"""Point-in-time features: how fast, and what a leak would be worth."""
