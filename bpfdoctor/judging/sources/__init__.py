"""Whether the sources that a build reads are there."""
