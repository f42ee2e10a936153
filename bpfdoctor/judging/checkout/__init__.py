"""What a checkout holds: its submodules, its vmlinux.h, and the directory that make builds in."""
