"""Evidently: what a person opens to see how columns are distributed, with its tests."""
