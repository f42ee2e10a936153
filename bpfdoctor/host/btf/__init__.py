"""BTF, the kernel's description of its own types: a reader, and what is asked of it."""
