"""The proof: build a program, run it, see its event."""
