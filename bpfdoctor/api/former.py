"""What had another name or value when `bpfdoctor.api` was one module: kept for old checks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bpfdoctor.api.late import late_names

if TYPE_CHECKING:
    from bpfdoctor.host.bpf.call_probe import ProbeCalls as ProbeCalls
    from bpfdoctor.host.bpf.features.helpers import HELPER_NUMBERS as HELPER_NUMBERS
    from bpfdoctor.host.bpf.program_attrs import ProgramAttrs as ProgramAttrs
    from bpfdoctor.judging.tools.choice import ToolChoice as ToolChoice
    from bpfdoctor.judging.tools.tool_verdict import ToolVerdict as ToolVerdict

    Alike = ProgramAttrs
    Chosen = ToolChoice
    HELPERS = HELPER_NUMBERS
    Judged = ToolVerdict
    TryCalls = ProbeCalls
else:
    __getattr__, __dir__ = late_names(__name__)
