"""Metrics with intervals, paired comparisons, and the day's summary."""
