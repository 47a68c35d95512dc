"""Frames from the lake to model batches."""
