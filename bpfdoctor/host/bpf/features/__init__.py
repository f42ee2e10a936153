"""What the kernels' bpf(2) has, each thing with its number and the release that brought it."""
