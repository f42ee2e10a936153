"""What the running kernel says of itself: its release, options, types, symbols and tracing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bpfdoctor.api.late import late_names

if TYPE_CHECKING:
    from bpfdoctor.host.btf.field_places import (
        AskFieldPlaces as AskFieldPlaces,
        AskParameterStructs as AskParameterStructs,
        FieldPlace as FieldPlace,
        FieldPlaces as FieldPlaces,
        ParameterStructs as ParameterStructs,
    )
    from bpfdoctor.host.btf.kernel_types import (
        AskBtfKinds as AskBtfKinds,
        AskEnumerator as AskEnumerator,
        AskField as AskField,
        AskFunction as AskFunction,
        AskKernelBtf as AskKernelBtf,
        BtfFacts as BtfFacts,
        BtfKinds as BtfKinds,
        EnumeratorFacts as EnumeratorFacts,
        FieldFacts as FieldFacts,
        FunctionFacts as FunctionFacts,
    )
    from bpfdoctor.host.system.facts import (
        AskKernel as AskKernel,
        Kernel as Kernel,
        kernel_version as kernel_version,
    )
    from bpfdoctor.host.system.kconfig import (
        AskKernelOption as AskKernelOption,
        KernelOption as KernelOption,
    )
    from bpfdoctor.host.system.modules import AskLoadable as AskLoadable, Modules as Modules
    from bpfdoctor.host.system.security import (
        AskSecurityFile as AskSecurityFile,
        lockdown_mode as lockdown_mode,
    )
    from bpfdoctor.host.system.symbols import (
        AskData as AskData,
        AskSymbols as AskSymbols,
        Symbols as Symbols,
    )
    from bpfdoctor.host.system.trace_window import (
        AskTraceWindow as AskTraceWindow,
        TraceWindow as TraceWindow,
    )
    from bpfdoctor.host.system.tracefs import (
        AskTracefs as AskTracefs,
        AskTracepoint as AskTracepoint,
        Tracefs as Tracefs,
        TracePlace as TracePlace,
        TracepointFacts as TracepointFacts,
    )
    from bpfdoctor.host.system.tracer import AskTracer as AskTracer, Tracer as Tracer
    from bpfdoctor.judging.trace_window import (
        why_doubtful as why_doubtful,
        why_shut as why_shut,
    )
    from bpfdoctor.judging.tracer import silenced as silenced, untried as untried

    Btf = AskKernelBtf
    Enumerator = AskEnumerator
    Field = AskField
    Function = AskFunction
    Loadable = AskLoadable
    Option = AskKernelOption
    SecurityFile = AskSecurityFile
    Tracepoint = AskTracepoint
    version = kernel_version
else:
    __getattr__, __dir__ = late_names(__name__)
