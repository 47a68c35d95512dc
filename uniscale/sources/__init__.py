"""Adapters that map a data set to the event contract, and the validation at the door."""
