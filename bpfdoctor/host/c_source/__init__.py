"""What C sources say, read as text: nothing is compiled or run."""
