"""All that a check imports: the words of the contract from here, the questions from the parts.

    from bpfdoctor.api import Context, Finding, check, passed
    from bpfdoctor.api import files, kernel, tools

What a check is, says `bpfdoctor.contract`. A part lists what may be asked of its subject and how an
answer is judged. It leaves out what its own name says: `AskKernelOption` is `kernel.Option`; where
an answer has the noun for its name, the question keeps its verb (`kernel.AskSymbols`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bpfdoctor.api import (
    bpf as bpf,
    files as files,
    git as git,
    kernel as kernel,
    machine as machine,
    objects as objects,
    privilege as privilege,
    tools as tools,
    vmlinux as vmlinux,
)
from bpfdoctor.api.late import late_names
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
from bpfdoctor.host.question import (
    Answer as Answer,
    Host as Host,
    NoAnswer as NoAnswer,
    Question as Question,
    evidence as evidence,
)
from bpfdoctor.model import (
    ByHand as ByHand,
    Evidence as Evidence,
    Finding as Finding,
    Fix as Fix,
    Install as Install,
    Instead as Instead,
    Run as Run,
    Selection as Selection,
    Stage as Stage,
    Status as Status,
    Target as Target,
)
from bpfdoctor.projects.model import (
    Build as Build,
    Program as Program,
    ProgramList as ProgramList,
    Project as Project,
    Setting as Setting,
    Tree as Tree,
)

if TYPE_CHECKING:  # the names of these parts are to be had from here too
    from bpfdoctor.api.bpf import *
    from bpfdoctor.api.files import *
    from bpfdoctor.api.former import *  # type: ignore[assignment]  # HELPERS was of numbers
    from bpfdoctor.api.git import *
    from bpfdoctor.api.kernel import *
    from bpfdoctor.api.machine import *
    from bpfdoctor.api.objects import *
    from bpfdoctor.api.privilege import *
    from bpfdoctor.api.tools import *
else:
    __getattr__, __dir__ = late_names(__name__)
