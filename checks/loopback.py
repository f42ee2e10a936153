"""The loopback interface, over which packets come by themselves."""

from __future__ import annotations

from bpfdoctor.api import ByHand, Context, Finding, NoAnswer, Run
from bpfdoctor.api import check, evidence, failed, passed, unknown
from bpfdoctor.api import machine

UP = Run(
    ("ip", "link", "set", "lo", "up"),
    privileged=True,
    text="In this network namespace.",
    undo=("ip", "link", "set", "lo", "down"),
)
ADDRESS = Run(
    ("ip", "address", "add", "127.0.0.1/8", "dev", "lo"),
    privileged=True,
    text="In this network namespace.",
    undo=("ip", "address", "del", "127.0.0.1/8", "dev", "lo"),
)
LET_IT_PASS = ByHand("Let datagrams to 127.0.0.1 pass: `nft list ruleset` shows what refuses them.")


@check(
    "runtime.loopback",
    title="packets on lo",
    applies=lambda project: "runtime.loopback" in project.all_needs(),
)
def runtime_loopback(context: Context) -> Finding:
    """Whether lo is up in the network namespace of the one who asks, and takes a packet.

    Programs that look at the packets of lo (`tc` and `sockfilter` of libbpf-bootstrap) load, attach
    and stay silent where none can come: in a new network namespace (`ip netns add`, `unshare
    --net`) lo is down, and has no address. A datagram is sent from a socket to itself.
    """
    question = machine.AskLoopback()
    answer = context.ask(question)
    seen = [evidence(question, answer)]
    if isinstance(answer, NoAnswer):
        look = ByHand("ip address show dev lo")
        return unknown(f"lo: {answer.shown()}", seen=seen, fixes=[look])
    if not answer.up:
        return failed("lo is down: no packet comes over it", seen=seen, fixes=[UP])
    if answer.refused == "EADDRNOTAVAIL":
        return failed("lo is up and has no address 127.0.0.1", seen=seen, fixes=[ADDRESS])
    if answer.refused in _NOT_OF_LO:
        return unknown(f"lo is up; nothing was sent: {answer.refused}", seen=seen)
    if answer.refused:
        summary = f"lo is up, and a datagram to 127.0.0.1 is refused: {answer.refused}"
        return failed(summary, seen=seen, fixes=[LET_IT_PASS])
    return passed("lo is up and takes a datagram", seen=seen)


_NOT_OF_LO = ("EAGAIN", "EINTR", "EMFILE", "ENFILE", "ENOBUFS", "ENOMEM")
"""What says nothing about lo, only about this moment."""
