"""bpf(2) without a compiler and without libbpf: programs and maps.

Only `Question.put` calls these. They raise OSError with the kernel's errno; a descriptor that they
return is the caller's to close, and with it goes what the kernel made.

Nothing here changes the process; see `bpfdoctor.host.bpf.memlock` for kernels before 5.11, which
charge maps and programs to RLIMIT_MEMLOCK.
"""

from __future__ import annotations

import ctypes
import struct

import msgspec

from bpfdoctor.host.bpf.asm import STEP
from bpfdoctor.host.bpf.call_names import ATTACHING, BY_TEXT, Call
from bpfdoctor.host.bpf.version_code import version_code
from bpfdoctor.host.question import Answer, errno_name
from bpfdoctor.host.syscalls import numbers, syscall

MAP_CREATE, MAP_LOOKUP, MAP_UPDATE, PROG_LOAD = 0, 1, 2, 5
RAW_TRACEPOINT_OPEN, BTF_LOAD, LINK_CREATE = 17, 18, 28

LICENSE = b"Dual BSD/GPL"
"""Of our probes: some helpers are for GPL-compatible programs only."""

NAME = b"bpfdoctor"
"""Of our programs, as `bpftool prog` shows it while they live (kernel 4.15 on; 15 bytes)."""


class Attempt(Answer, frozen=True):
    """What the kernel said to something tried: an errno's name, or nothing when it worked.

    `call` is the system call that was refused, or whatever else was, in words; `log` the verifier's
    log, where it wrote one.
    """

    error: str = ""
    call: str = ""
    log: str = ""

    @property
    def worked(self) -> bool:
        """The kernel did it."""
        return not self.error

    @property
    def known_call(self) -> Call | None:
        """The system call that was refused; None for whatever else was, such as a file."""
        return BY_TEXT.get(self.call)

    @property
    def loaded(self) -> bool:
        """A program for one target was loaded, whatever became of attaching it."""
        return self.worked or self.known_call in ATTACHING

    def shown(self) -> str:
        head = f"{self.call}: {self.error}" if self.error else "it works"
        return f"{head}\n{self.log}".rstrip()

    @classmethod
    def refused(cls, call: Call | str, error: OSError) -> Attempt:
        """The errno of a call that failed, and the log if it was a program's load."""
        log = error.log if isinstance(error, LoadError) else ""
        return cls(errno_name(error.errno or 0), str(call), log)


class LoadError(OSError):
    """A program was refused; `log` is what the verifier wrote."""

    log: str = ""


class ProgramSpec(msgspec.Struct, frozen=True):
    """Instructions to load, and what BPF_PROG_LOAD wants to know of them.

    `btf_id` and `attach_type` are for tracing and LSM programs (Linux 5.5).
    """

    type: int
    code: bytes
    attach_type: int = 0
    btf_id: int = 0
    flags: int = 0
    license: bytes = LICENSE


def bpf(command: int, attributes: bytes) -> int:
    """bpf(2): what it returns. Raises OSError."""
    buffer = ctypes.create_string_buffer(attributes, max(len(attributes), 1))
    return syscall(numbers().bpf, command, ctypes.addressof(buffer), len(attributes))


def load_program(program: ProgramSpec) -> int:
    """BPF_PROG_LOAD: a descriptor. Raises LoadError, with the log only if it was refused."""
    try:
        return _load(program, None)
    except OSError as error:
        refused = error
    log = ctypes.create_string_buffer(1 << 16)
    try:
        return _load(program, log)
    except OSError as error:
        second = error
    problem = LoadError(refused.errno, second.strerror)
    problem.log = log.value.decode(errors="backslashreplace")
    raise problem


def _load(program: ProgramSpec, log: ctypes.Array[ctypes.c_char] | None) -> int:
    code = ctypes.create_string_buffer(program.code)
    license_ = ctypes.create_string_buffer(program.license)
    level, size, address = (1, len(log), ctypes.addressof(log)) if log else (0, 0, 0)
    count = len(program.code) // STEP
    # union bpf_attr: type, instructions, license, log, kern_version, flags, name, ifindex,
    # expected_attach_type; then prog_btf_fd … line_info_cnt, and attach_btf_id.
    head = struct.pack("=IIQQIIQ", program.type, count, ctypes.addressof(code),
                       ctypes.addressof(license_), level, size, address)  # fmt: skip
    head += struct.pack("=II", version_code(), program.flags)
    if not (program.attach_type or program.btf_id):
        return _patiently(head)  # 48 bytes: every kernel since 4.4 knows all of them
    tail = struct.pack("=16sII", NAME, 0, program.attach_type)
    if program.btf_id:
        tail += struct.pack("=IIQIIQII", 0, 0, 0, 0, 0, 0, 0, program.btf_id)
    return _patiently(head + tail)


def _patiently(attributes: bytes) -> int:
    """BPF_PROG_LOAD, again on EAGAIN: the verifier gives up when a signal is pending."""
    for _ in range(4):
        try:
            return bpf(PROG_LOAD, attributes)
        except BlockingIOError:
            continue
    return bpf(PROG_LOAD, attributes)


def create_map(kind: int, key_size: int, value_size: int, entries: int) -> int:
    """BPF_MAP_CREATE: a descriptor. Raises OSError."""
    return bpf(MAP_CREATE, struct.pack("=IIIII", kind, key_size, value_size, entries, 0))


def update(descriptor: int, key: bytes, value: bytes) -> None:
    """BPF_MAP_UPDATE_ELEM. Raises OSError."""
    _element(MAP_UPDATE, descriptor, key, ctypes.create_string_buffer(value, len(value)))


def lookup(descriptor: int, key: bytes, value_size: int) -> bytes:
    """BPF_MAP_LOOKUP_ELEM: the value. Raises OSError; ENOENT when there is no such key."""
    value = ctypes.create_string_buffer(value_size)
    _element(MAP_LOOKUP, descriptor, key, value)
    return value.raw


def _element(command: int, descriptor: int, key: bytes, value: ctypes.Array[ctypes.c_char]) -> None:
    held = ctypes.create_string_buffer(key, len(key))
    bpf(command, struct.pack("=IxxxxQQQ", descriptor, ctypes.addressof(held),
                             ctypes.addressof(value), 0))  # fmt: skip
