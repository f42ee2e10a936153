"""The header vmlinux.h of a checkout: what a file of that name holds, and how it comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bpfdoctor.api.late import late_names

if TYPE_CHECKING:
    from bpfdoctor.judging.checkout.vmlinux_content import (
        ERROR_TEXT as ERROR_TEXT,
        by_hand as by_hand,
        compilation as compilation,
        compile_error as compile_error,
        is_lost_link as is_lost_link,
    )
    from bpfdoctor.judging.checkout.vmlinux_includers import includers as includers
    from bpfdoctor.judging.checkout.vmlinux_remedies import (
        relinked as relinked,
        repairs as repairs,
    )
else:
    __getattr__, __dir__ = late_names(__name__)
