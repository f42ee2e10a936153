"""Bare roots of distributions: built once, copied for each test, left by chroot alone."""
