"""Public data sets as event logs, one file each."""
