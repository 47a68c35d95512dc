"""UniScale: scales data and model together for search ranking (arXiv 2603.24226)."""
