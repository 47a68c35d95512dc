"""Named, complete training configurations."""
