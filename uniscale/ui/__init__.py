"""The dashboard: what runs each day, as read-only pages over the lake."""
