"""What the kernel lets through: programs loaded, attached and fired, maps created, for real."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bpfdoctor.api.late import late_names

if TYPE_CHECKING:
    from bpfdoctor.host.bpf.attach import (
        AttachKprobe as AttachKprobe,
        AttachRawTracepoint as AttachRawTracepoint,
        AttachTracepoint as AttachTracepoint,
        AttachUprobe as AttachUprobe,
    )
    from bpfdoctor.host.bpf.attach_btf import (
        AttachBtfTracepoint as AttachBtfTracepoint,
        AttachIterator as AttachIterator,
        AttachTrampoline as AttachTrampoline,
    )
    from bpfdoctor.host.bpf.attach_lsm import (
        FireLsm as FireLsm,
        LoadLsm as LoadLsm,
        LsmFired as LsmFired,
    )
    from bpfdoctor.host.bpf.attach_net import (
        AttachClassifier as AttachClassifier,
        AttachSocketFilter as AttachSocketFilter,
    )
    from bpfdoctor.host.bpf.calls import Attempt as Attempt
    from bpfdoctor.host.bpf.features.attach_types import ATTACH_TYPES as ATTACH_TYPES
    from bpfdoctor.host.bpf.features.helpers import HELPERS as HELPERS
    from bpfdoctor.host.bpf.features.map_types import MAP_TYPES as MAP_TYPES
    from bpfdoctor.host.bpf.features.program_types import (
        LOADABLE as LOADABLE,
        PROGRAM_TYPES as PROGRAM_TYPES,
    )
    from bpfdoctor.host.bpf.fire_once import (
        KPROBES_ENABLED as KPROBES_ENABLED,
        FiredKind as FiredKind,
        FiredOnce as FiredOnce,
        FireOnce as FireOnce,
    )
    from bpfdoctor.host.bpf.memlock import RaiseMemlock as RaiseMemlock
    from bpfdoctor.host.bpf.pmu import CountCycles as CountCycles
    from bpfdoctor.host.bpf.probes import (
        AskBpf as AskBpf,
        AskHelper as AskHelper,
        CreateMap as CreateMap,
        LoadProgram as LoadProgram,
        OpenPerfEvent as OpenPerfEvent,
        UseGlobalData as UseGlobalData,
    )
    from bpfdoctor.judging.advice import (
        ATTACH_ALL as ATTACH_ALL,
        KERNEL_WITH_BPF as KERNEL_WITH_BPF,
        LIST_FEATURES as LIST_FEATURES,
        LOAD_ALL as LOAD_ALL,
        LOAD_ONE as LOAD_ONE,
        OTHER_TARGET as OTHER_TARGET,
    )
    from bpfdoctor.judging.btf import without_btf as without_btf
    from bpfdoctor.judging.probing import (
        BTF_OF_MODULES as BTF_OF_MODULES,
        able as able,
        modules_are_read as modules_are_read,
        of_the_kernel as of_the_kernel,
        probed as probed,
        tried as tried,
    )
    from bpfdoctor.judging.targets import (
        Trial as Trial,
        kprobe_place as kprobe_place,
        trial_of as trial_of,
    )

    Helper = AskHelper
else:
    __getattr__, __dir__ = late_names(__name__)
