"""Package managers, a file each: what they have, what is installed, who holds the lock."""
