"""The submodules of a checkout, and what around a directory names BPF."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bpfdoctor.api.late import late_names

if TYPE_CHECKING:
    from bpfdoctor.host.git.bpf_search import Sign as Sign
    from bpfdoctor.host.git.bpf_signs import AskBpfSigns as AskBpfSigns, BpfSigns as BpfSigns
    from bpfdoctor.host.git.submodule import Submodule as Submodule
    from bpfdoctor.host.git.submodules import (
        AskSubmodules as AskSubmodules,
        Submodules as Submodules,
    )
    from bpfdoctor.host.git.tracked import AskTracked as AskTracked, KnownToGit as KnownToGit
    from bpfdoctor.judging.checkout.submodule_files import (
        lacking_files as lacking_files,
        named_by as named_by,
    )
    from bpfdoctor.judging.checkout.submodule_finding import JudgedSubmodule as JudgedSubmodule
    from bpfdoctor.judging.checkout.submodule_remedies import (
        Remedies as Remedies,
        clone_again as clone_again,
    )
    from bpfdoctor.judging.sources.search import sought_sources as sought_sources
    from bpfdoctor.judging.sources.sought import Sought as Sought
else:
    __getattr__, __dir__ = late_names(__name__)
