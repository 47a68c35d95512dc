"""The drift that rows of other sources bring: against native rows of the target domain of the same day."""
