"""What a person is told to do in the same words by several checks."""

from __future__ import annotations

from bpfdoctor.model import ByHand

LOAD_ALL = ByHand("Load it: bpftool prog loadall FILE.bpf.o /sys/fs/bpf/try")
"""Of an object: whether the kernel takes it, only loading it tells."""

LOAD_ONE = ByHand("Load it: bpftool prog load FILE.bpf.o /sys/fs/bpf/try")

ATTACH_ALL = ByHand("Run it: bpftool prog loadall FILE.bpf.o /sys/fs/bpf/try autoattach")

LIST_FEATURES = ByHand("As root: bpftool feature probe kernel")
"""Where there is no BTF of the kernel to name what it has."""

OTHER_TARGET = ByHand("Name another in the program's SEC().")

KERNEL_WITH_BPF = ByHand(
    "Boot a kernel built with CONFIG_BPF_SYSCALL=y; every distribution's own has it."
)
