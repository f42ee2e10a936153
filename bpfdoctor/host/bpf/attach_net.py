"""Real attaches in the network, undone at once: a socket filter, a classifier of tc."""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import struct
from typing import TYPE_CHECKING

from bpfdoctor.host.bpf.call_names import Call
from bpfdoctor.host.bpf.calls import Attempt, ProgramSpec
from bpfdoctor.host.bpf.child import in_child
from bpfdoctor.host.bpf.features.program_types import PROGRAM_TYPES
from bpfdoctor.host.bpf.macros import RETURN_ZERO
from bpfdoctor.host.bpf.memlock import with_memory
from bpfdoctor.host.bpf.steps import Steps, attempt
from bpfdoctor.host.question import NoAnswer, Question
from bpfdoctor.host.syscalls import UnknownArchitectureError, numbers

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine

SO_ATTACH_BPF = 50
"""asm-generic/socket.h; Linux 3.19, commit 89aa075832b0."""

CLONE_NEWNET = 0x40000000

NEW_QDISC, NEW_FILTER = 36, 44
CREATE = 0x605  # NLM_F_REQUEST | NLM_F_ACK | NLM_F_EXCL | NLM_F_CREATE
CLSACT, INGRESS = 0xFFFFFFF1, 0xFFFFFFF2
"""TC_H_CLSACT and the ingress half of it, of linux/pkt_sched.h."""


class AttachSocketFilter(Question[Attempt], frozen=True):
    """Attach a filter to a raw packet socket that receives nothing (protocol 0)."""

    privileged = True
    asks = "kernel"

    def put(self, machine: Machine) -> Attempt | NoAnswer:
        return with_memory(Attempt, attempt, self._attach)

    def source(self) -> str:
        return "socket(AF_PACKET, SOCK_RAW), setsockopt(SO_ATTACH_BPF)"

    def _attach(self, steps: Steps) -> None:
        program = steps.load(ProgramSpec(PROGRAM_TYPES["socket_filter"].number, RETURN_ZERO))
        steps.call = Call.PACKET_SOCKET
        packets = steps.enter_context(socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0))
        steps.call = Call.SOCKET_SET_BPF
        packets.setsockopt(socket.SOL_SOCKET, SO_ATTACH_BPF, program)


class AttachClassifier(Question[Attempt], frozen=True):
    """Put a program on the ingress of lo, in a network namespace that ends with its process."""

    privileged = True
    asks = "kernel"

    def put(self, machine: Machine) -> Attempt | NoAnswer:
        try:
            numbers()
        except UnknownArchitectureError as error:
            return NoAnswer("refused", str(error))
        said = in_child(Attempt, self._alone)
        if isinstance(said, Attempt) and said.known_call is Call.UNSHARE:
            return NoAnswer(said.error, "no network namespace could be made to try it in")
        return said

    def source(self) -> str:
        return "unshare(CLONE_NEWNET), tc qdisc add dev lo clsact, tc filter add dev lo ingress bpf"

    def _alone(self) -> Attempt:
        return attempt(self._attach)

    def _attach(self, steps: Steps) -> None:
        put_on_own_lo(steps, RETURN_ZERO)


def put_on_own_lo(steps: Steps, code: bytes) -> None:
    """Attach a classifier to the ingress of lo, in a network namespace of this process's own.

    The process stays there: it is a child that ends with its probe. Raises OSError.
    """
    program = steps.load(ProgramSpec(PROGRAM_TYPES["sched_cls"].number, code))
    steps.call = Call.UNSHARE
    _unshare()
    link = steps.enter_context(socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0))
    steps.call = Call.ADD_QDISC
    _ask(link, NEW_QDISC, (0xFFFF0000, CLSACT, 0), _attribute(1, b"clsact\0"))
    steps.call = Call.ADD_FILTER
    options = _attribute(6, struct.pack("=I", program)) + _attribute(7, b"bpfdoctor\0")
    options += _attribute(8, struct.pack("=I", 1))  # TCA_BPF_FLAG_ACT_DIRECT
    every_protocol = 1 << 16 | socket.htons(3)  # priority 1, ETH_P_ALL
    kind = _attribute(1, b"bpf\0") + _attribute(2, options)
    _ask(link, NEW_FILTER, (0, INGRESS, every_protocol), kind)


def _unshare() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _attribute(kind: int, value: bytes) -> bytes:
    """struct rtattr: length, type, and the value padded to four bytes."""
    length = 4 + len(value)
    return struct.pack("=HH", length, kind) + value + bytes(-length % 4)


def _ask(link: socket.socket, kind: int, tcm: tuple[int, int, int], attributes: bytes) -> None:
    """One request of rtnetlink about lo, which is device 1 of a new namespace. Raises OSError."""
    message = struct.pack("=BxxxiIII", 0, 1, *tcm) + attributes  # struct tcmsg
    header = struct.pack("=IHHII", 16 + len(message), kind, CREATE, 1, 0)
    link.send(header + message)
    answer = link.recv(1 << 14)
    code: int = struct.unpack_from("=i", answer, 16)[0] if len(answer) >= 20 else -errno.EPROTO
    if code:
        raise OSError(-code, os.strerror(-code))
