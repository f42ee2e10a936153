"""ELF files: what a compiler wrote, what a BPF object needs, which probes a library has."""
