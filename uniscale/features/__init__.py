"""Feast over the lake: the ASOF offline store, training frames, online look-ups."""
