"""Point-in-time retrieval: Feast's offline store over the lake, by ASOF join."""
