"""A day's steps: their table, what each does, the ledger, locks, processes and progress."""
