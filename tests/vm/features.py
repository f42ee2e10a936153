"""On any kernel: what it lists of bpf(2), and what it says to a probe of each, as JSON."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Iterator

from bpfdoctor.host.bpf.calls import MAP_CREATE, Attempt, ProgramSpec, bpf, create_map
from bpfdoctor.host.bpf.features.attach_types import ATTACH_TYPES
from bpfdoctor.host.bpf.features.feature import Feature, MapType, ProgramType
from bpfdoctor.host.bpf.features.helpers import HELPERS
from bpfdoctor.host.bpf.features.map_types import MAP_TYPES
from bpfdoctor.host.bpf.features.program_types import PROGRAM_TYPES
from bpfdoctor.host.bpf.macros import RETURN_ZERO
from bpfdoctor.host.bpf.map_probe import TryMap
from bpfdoctor.host.bpf.memlock import with_memory
from bpfdoctor.host.bpf.probes import UNKNOWN_HELPER, AskHelper, LoadProgram
from bpfdoctor.host.bpf.steps import Steps, attempt
from bpfdoctor.host.btf.file import open_btf
from bpfdoctor.host.btf.format import BtfKind
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.machine import Machine
from bpfdoctor.host.question import NoAnswer, Question
from bpfdoctor.host.system.kconfig import AskKernelOption, KernelOption

KNOWN, UNKNOWN = "known", "unknown"
ENUMERATIONS = ("bpf_prog_type", "bpf_map_type", "bpf_attach_type", "bpf_func_id")
LEAVE_A_MARK = ("trace_printk", "trace_vprintk", "probe_write_user")
"""Helpers of which loading a program alone has an effect."""

KNOWN_ALL_THE_SAME = ("ENOTSUPP", "ENOMEM")
"""What a kernel says to the id of a type that is no struct of functions, and of an arena in a small
guest: it knows what it refuses."""


def listed() -> dict[str, dict[str, int]]:
    """The kernel's own enumerations."""
    btf = open_btf()
    return {
        name: {
            each: value
            for found in btf.find(name, (BtfKind.ENUM,))
            for each, value in btf.enumerators(found)
        }
        for name in ENUMERATIONS
    }


def said(answer: Attempt | NoAnswer) -> str:
    """`known`, `unknown`, or an errno that decides neither."""
    if isinstance(answer, NoAnswer):
        return answer.reason
    if answer.worked or answer.error in KNOWN_ALL_THE_SAME:
        return KNOWN
    return UNKNOWN if answer.error in ("EINVAL", "E2BIG") and not answer.log else answer.error


def program_types(host: LiveHost) -> Iterator[tuple[str, str]]:
    """Each type by its least program; those for one target by the verifier's having been asked."""
    for name, each in PROGRAM_TYPES.items():
        if not each.targeted:
            yield name, said(host.ask(LoadProgram(name)))
            continue
        answer = with_memory(Attempt, lambda each=each: attempt(lambda on: _aim(on, each)))
        yield name, KNOWN if isinstance(answer, Attempt) and answer.log else said(answer)


def _aim(steps: Steps, kind: ProgramType) -> None:
    attach = ATTACH_TYPES[kind.attach].number if kind.attach else 0
    steps.load(ProgramSpec(kind.number, RETURN_ZERO, attach, btf_id=1))


def map_types(host: LiveHost) -> Iterator[tuple[str, str]]:
    """Each type by its least map."""
    for name, each in MAP_TYPES.items():
        if each.of_maps or name == "struct_ops":
            answer = with_memory(Attempt, lambda each=each: attempt(lambda on: _make(on, each)))
        else:
            sizes = (each.key_size, each.value_size, each.entries)
            answer = host.ask(TryMap(each.number, *sizes, each.flags, each.typed))
        yield name, said(answer)


def _make(steps: Steps, kind: MapType) -> None:
    """With a map to be like, or with the id of a type in the kernel's BTF."""
    sizes = struct.pack("=IIIII", kind.number, kind.key_size, kind.value_size, kind.entries, 0)
    if kind.of_maps:
        inner = steps.keep(create_map(MAP_TYPES["hash"].number, 4, 4, 1))
        steps.keep(bpf(MAP_CREATE, sizes + struct.pack("=I", inner)))
    else:  # inner_map_fd … btf_value_type_id, then btf_vmlinux_value_type_id
        steps.keep(bpf(MAP_CREATE, sizes + struct.pack("=40xI", 1)))


def helpers(host: LiveHost) -> Iterator[tuple[str, str]]:
    """Each helper by a program that does nothing but call it."""
    for name, each in HELPERS.items():
        if each.program and name not in LEAVE_A_MARK:
            question: Question[Attempt] = AskHelper(each.program, name)
            answer = host.ask(question)
            refused = isinstance(answer, Attempt) and any(
                words in answer.log for words in UNKNOWN_HELPER
            )
            yield name, UNKNOWN if refused else said(answer)


def main() -> None:
    """Ask for all of it."""
    host = LiveHost(Machine(dict(os.environ)))
    every: list[Feature] = [*PROGRAM_TYPES.values(), *MAP_TYPES.values(), *HELPERS.values()]
    options = {each.needs: host.ask(AskKernelOption(each.needs)) for each in every if each.needs}
    found = {
        "release": os.uname().release,
        "options": {
            name: answer.value
            for name, answer in options.items()
            if isinstance(answer, KernelOption)
        },
        "listed": listed(),
        "probed": {
            "bpf_prog_type": dict(program_types(host)),
            "bpf_map_type": dict(map_types(host)),
            "bpf_func_id": dict(helpers(host)),
        },
    }
    host.close()
    print(json.dumps(found))  # noqa: T201


main()
