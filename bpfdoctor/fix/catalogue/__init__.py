"""What brings a capability on each distribution, and how each one boots."""
