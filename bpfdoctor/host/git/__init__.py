"""git, asked about a tree that nobody vouches for."""
