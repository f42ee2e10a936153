"""Package managers, one module each: what they have, what is installed, who holds the lock."""
