"""Flags of linux/bpf.h."""

from __future__ import annotations

BPF_F_SLEEPABLE = 1 << 4
"""Of a program: it may wait."""

BPF_F_XDP_HAS_FRAGS = 1 << 5
"""Of a program (Linux 5.18, commit c2f2cdbeffda)."""

BPF_F_NO_PREALLOC = 1 << 0
"""Of a map: memory for its elements is taken when they come."""

BPF_F_MMAPABLE = 1 << 10
"""Of a map: user space may map its memory (Linux 5.5)."""
