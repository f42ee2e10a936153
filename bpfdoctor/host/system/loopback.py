"""The question whether a datagram can be sent to ourselves, over lo."""

from __future__ import annotations

import fcntl
import socket
import struct
from typing import TYPE_CHECKING

from bpfdoctor.host.question import Answer, NoAnswer, Question, errno_name

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine

SIOCGIFFLAGS = 0x8913
"""linux/sockios.h: `struct ifreq` is a name of 16 bytes, and here a number of two."""

IFF_UP = 1
ADDRESS = "127.0.0.1"


class Loopback(Answer, frozen=True):
    """Whether lo is up in this network namespace, and the errno of a datagram to 127.0.0.1."""

    up: bool
    refused: str = ""

    def shown(self) -> str:
        state = "up" if self.up else "down"
        return f"lo is {state}; a datagram to {ADDRESS}: {self.refused or 'sent'}"


class AskLoopback(Question[Loopback], frozen=True):
    """Is lo up, and does it take a datagram that a socket of ours sends to itself?

    In a new network namespace lo is down, and has no address until it is brought up.
    """

    asks = "machine"

    def put(self, machine: Machine) -> Loopback | NoAnswer:
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ours:
                asked = struct.pack("=16sH22x", b"lo", 0)
                flags = struct.unpack_from("=H", fcntl.ioctl(ours, SIOCGIFFLAGS, asked), 16)[0]
                return Loopback(bool(flags & IFF_UP), _sent(ours))
        except OSError as error:  # a kernel without a network, a filter
            return NoAnswer.from_error(error)

    def source(self) -> str:
        return f"ip link show lo; sendto({ADDRESS})"


def _sent(ours: socket.socket) -> str:
    try:
        ours.bind((ADDRESS, 0))
        ours.sendto(b"bpfdoctor", socket.MSG_DONTWAIT, ours.getsockname())
    except OSError as error:
        return errno_name(error.errno or 0)
    return ""
