"""A module without a check."""
