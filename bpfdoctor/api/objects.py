"""Compiled files: what a BPF object holds, how each thing in it is tried, USDT probes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bpfdoctor.api.late import late_names

if TYPE_CHECKING:
    from bpfdoctor.host.bpf.call_probe import (
        Calls as Calls,
        ProbeCalls as ProbeCalls,
        Refused as Refused,
    )
    from bpfdoctor.host.bpf.context import (
        RETURNING as RETURNING,
        TryContext as TryContext,
        returning as returning,
        word as word,
    )
    from bpfdoctor.host.bpf.instructions import TryInstructions as TryInstructions
    from bpfdoctor.host.bpf.map_probe import TryMap as TryMap
    from bpfdoctor.host.bpf.program_attrs import (
        ProgramAttrs as ProgramAttrs,
        last_words as last_words,
    )
    from bpfdoctor.host.elf.ask_fixed_reads import AskFixedReads as AskFixedReads
    from bpfdoctor.host.elf.ask_object import AskBpfObject as AskBpfObject
    from bpfdoctor.host.elf.bpf_object import (
        BpfObject as BpfObject,
        ObjectProgram as ObjectProgram,
        loaded_for as loaded_for,
        target_of as target_of,
    )
    from bpfdoctor.host.elf.externs import ObjectExtern as ObjectExtern
    from bpfdoctor.host.elf.fixed_reads import (
        FixedRead as FixedRead,
        FixedReads as FixedReads,
        ProgramReads as ProgramReads,
    )
    from bpfdoctor.host.elf.maps import ObjectMap as ObjectMap
    from bpfdoctor.host.elf.usdt import AskUsdt as AskUsdt, UsdtProbes as UsdtProbes
    from bpfdoctor.judging.fixed_places import (
        JudgedRead as JudgedRead,
        judged_reads as judged_reads,
    )
    from bpfdoctor.judging.map_trial import map_trial as map_trial
    from bpfdoctor.judging.objects import (
        like as like,
        not_compared as not_compared,
        object_of as object_of,
    )

    Extern = ObjectExtern
    Map = ObjectMap
else:
    __getattr__, __dir__ = late_names(__name__)
