"""Alerts: rules over what a day and its monitoring found, told when something goes wrong and when it is over."""
