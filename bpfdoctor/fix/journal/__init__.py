"""What was changed, kept so that it can be taken back."""
