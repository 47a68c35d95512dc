"""Drift: today's profiles against those of the same populations in the days before."""
