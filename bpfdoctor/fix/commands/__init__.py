"""`fix`, `undo` and `init` without their arguments."""
