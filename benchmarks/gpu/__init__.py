"""How rankers train on a GPU."""
