"""Where a sample comes from, where a user is, how to forget one, and whether a past day can be built again."""
