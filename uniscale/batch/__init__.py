"""What data makes and rankers take: requests with their items, as arrays and as tensors."""
