"""Profiles of a day's rows: one scan per stage, for every population and column."""
