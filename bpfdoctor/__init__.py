"""The environment doctor for libbpf programs."""

__version__ = "0.1.0"
