"""The uniscale command."""
