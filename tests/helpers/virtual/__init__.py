"""Virtual machines for the tests: Debian kernels under QEMU, with a small user land in memory."""
