"""All that a check imports: the contract, the questions and their answers, the words.

What a check is, says `bpfdoctor.contract`; what may be asked, the rooms of `bpfdoctor.host`.
"""

from __future__ import annotations

from bpfdoctor.contract import (
    ASK_AS_ROOT as ASK_AS_ROOT,
    Check as Check,
    Context as Context,
    Findings as Findings,
    blocked as blocked,
    check as check,
    failed as failed,
    passed as passed,
    unknown as unknown,
    warned as warned,
)
from bpfdoctor.host.architecture import target_architecture as target_architecture
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
from bpfdoctor.host.bpf.call_probe import (
    Calls as Calls,
    ProbeCalls as ProbeCalls,
    Refused as Refused,
)
from bpfdoctor.host.bpf.calls import Attempt as Attempt
from bpfdoctor.host.bpf.context import (
    RETURNING as RETURNING,
    TryContext as TryContext,
    word as word,
)
from bpfdoctor.host.bpf.features.attach_types import ATTACH_TYPES as ATTACH_TYPES
from bpfdoctor.host.bpf.features.helpers import HELPERS as HELPERS
from bpfdoctor.host.bpf.features.map_types import MAP_TYPES as MAP_TYPES
from bpfdoctor.host.bpf.features.program_types import (
    LOADABLE as LOADABLE,
    PROGRAM_TYPES as PROGRAM_TYPES,
)
from bpfdoctor.host.bpf.instructions import TryInstructions as TryInstructions
from bpfdoctor.host.bpf.map_probe import TryMap as TryMap
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
from bpfdoctor.host.bpf.program_attrs import ProgramAttrs as ProgramAttrs, last_words as last_words
from bpfdoctor.host.btf.kernel_types import (
    AskEnumerator as AskEnumerator,
    AskField as AskField,
    AskFunction as AskFunction,
    AskKernelBtf as AskKernelBtf,
    BtfFacts as BtfFacts,
    EnumeratorFacts as EnumeratorFacts,
    FieldFacts as FieldFacts,
    FunctionFacts as FunctionFacts,
)
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
from bpfdoctor.host.git.submodule import Submodule as Submodule
from bpfdoctor.host.git.submodules import (
    AskSubmodules as AskSubmodules,
    Submodules as Submodules,
)
from bpfdoctor.host.question import (
    Answer as Answer,
    Host as Host,
    NoAnswer as NoAnswer,
    Question as Question,
    evidence as evidence,
)
from bpfdoctor.host.shell_words import to_paste as to_paste
from bpfdoctor.host.system.container import AskContainer as AskContainer, Marks as Marks
from bpfdoctor.host.system.facts import (
    INITIAL_PID_NAMESPACE as INITIAL_PID_NAMESPACE,
    AskDistribution as AskDistribution,
    AskIdentity as AskIdentity,
    AskKernel as AskKernel,
    AskSpace as AskSpace,
    Distribution as Distribution,
    Identity as Identity,
    Kernel as Kernel,
    Space as Space,
    kernel_version as kernel_version,
)
from bpfdoctor.host.system.files import (
    FileText as FileText,
    ListDirectory as ListDirectory,
    LookAt as LookAt,
    Names as Names,
    PathFacts as PathFacts,
    ReadFile as ReadFile,
)
from bpfdoctor.host.system.kconfig import (
    AskKernelOption as AskKernelOption,
    KernelOption as KernelOption,
)
from bpfdoctor.host.system.modules import AskLoadable as AskLoadable, Modules as Modules
from bpfdoctor.host.system.mounted import AskFileSystem as AskFileSystem, FileSystem as FileSystem
from bpfdoctor.host.system.security import (
    AskSecurityFile as AskSecurityFile,
    lockdown_mode as lockdown_mode,
)
from bpfdoctor.host.system.symbols import (
    AskData as AskData,
    AskSymbols as AskSymbols,
    Symbols as Symbols,
)
from bpfdoctor.host.system.tracefs import (
    AskTracefs as AskTracefs,
    AskTracepoint as AskTracepoint,
    Tracefs as Tracefs,
    TracePlace as TracePlace,
    TracepointFacts as TracepointFacts,
)
from bpfdoctor.host.tools.commands import (
    AskEnvironment as AskEnvironment,
    Completed as Completed,
    RunCommand as RunCommand,
    Variables as Variables,
)
from bpfdoctor.host.tools.compile import Compile as Compile, Compiled as Compiled
from bpfdoctor.host.tools.crates import AskCrates as AskCrates
from bpfdoctor.host.tools.libc import AskLibc as AskLibc, Libc as Libc
from bpfdoctor.host.tools.search import (
    FindExecutables as FindExecutables,
    FindTool as FindTool,
    FoundTools as FoundTools,
    ToolPath as ToolPath,
)
from bpfdoctor.judging.map_trial import map_trial as map_trial
from bpfdoctor.judging.privilege import (
    CAP_SYS_ADMIN as CAP_SYS_ADMIN,
    CAP_SYS_RESOURCE as CAP_SYS_RESOURCE,
    REFUSED as REFUSED,
    hindrances as hindrances,
    holds as holds,
    in_initial_namespace as in_initial_namespace,
    is_root as is_root,
    lacking as lacking,
    may_load as may_load,
    passing as passing,
    status_of as status_of,
)
from bpfdoctor.judging.probing import (
    BTF_OF_MODULES as BTF_OF_MODULES,
    OTHER_TARGET as OTHER_TARGET,
    able as able,
    like as like,
    modules_are_read as modules_are_read,
    object_of as object_of,
    of_the_kernel as of_the_kernel,
    probed as probed,
    tried as tried,
)
from bpfdoctor.judging.targets import (
    Trial as Trial,
    kprobe_place as kprobe_place,
    trial_of as trial_of,
)
from bpfdoctor.judging.tools.archiver import chosen_archivers as chosen_archivers
from bpfdoctor.judging.tools.bpftool import (
    chosen_bpftool as chosen_bpftool,
    judge_bpftool as judge_bpftool,
)
from bpfdoctor.judging.tools.choice import ToolChoice as ToolChoice, tool_words as tool_words
from bpfdoctor.judging.tools.clang import (
    BPF_FLAGS as BPF_FLAGS,
    chosen_clang as chosen_clang,
    compile_bpf as compile_bpf,
    emits_bpf as emits_bpf,
)
from bpfdoctor.judging.tools.compilers import (
    C_FLAGS as C_FLAGS,
    chosen_compilers as chosen_compilers,
    compile_c as compile_c,
)
from bpfdoctor.judging.tools.finding import (
    verdict_on as verdict_on,
    verdict_on_all as verdict_on_all,
)
from bpfdoctor.judging.tools.llvm_strip import chosen_llvm_strip as chosen_llvm_strip
from bpfdoctor.judging.tools.make import chosen_make as chosen_make
from bpfdoctor.judging.tools.tool_verdict import (
    ToolVerdict as ToolVerdict,
    misbehaving as misbehaving,
)
from bpfdoctor.judging.tools.version import older as older, version_in as version_in
from bpfdoctor.model import (
    ByHand as ByHand,
    Evidence as Evidence,
    Finding as Finding,
    Fix as Fix,
    Install as Install,
    Run as Run,
    Selection as Selection,
    Stage as Stage,
    Status as Status,
    Target as Target,
)
from bpfdoctor.projects.model import Build as Build, Program as Program, Project as Project
