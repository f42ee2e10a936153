"""Compiled files: what a BPF object holds, and the USDT probes of a library."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bpfdoctor.api.late import late_names

if TYPE_CHECKING:
    from bpfdoctor.host.elf.ask_object import AskBpfObject as AskBpfObject
    from bpfdoctor.host.elf.bpf_object import (
        BpfObject as BpfObject,
        ObjectProgram as ObjectProgram,
        loaded_for as loaded_for,
        target_of as target_of,
    )
    from bpfdoctor.host.elf.externs import ObjectExtern as ObjectExtern
    from bpfdoctor.host.elf.maps import ObjectMap as ObjectMap
    from bpfdoctor.host.elf.usdt import AskUsdt as AskUsdt, UsdtProbes as UsdtProbes
    from bpfdoctor.judging.objects import like as like, object_of as object_of

    Extern = ObjectExtern
    Map = ObjectMap
else:
    __getattr__ = late_names(__name__)
