"""The embedded program: our own minimal, for use outside any checkout."""
