"""What a user may do, and what a refusal means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bpfdoctor.api.late import late_names

if TYPE_CHECKING:
    from bpfdoctor.judging.privilege import (
        CAP_PERFMON as CAP_PERFMON,
        CAP_SYS_ADMIN as CAP_SYS_ADMIN,
        CAP_SYS_RESOURCE as CAP_SYS_RESOURCE,
        LOADING as LOADING,
        MOST_PARANOID as MOST_PARANOID,
        REFUSED as REFUSED,
        Right as Right,
        hindrances as hindrances,
        holds as holds,
        in_initial_namespace as in_initial_namespace,
        in_pid_namespace as in_pid_namespace,
        is_root as is_root,
        lacking as lacking,
        may as may,
        may_load as may_load,
        opening_events as opening_events,
        passing as passing,
        status_of as status_of,
    )
else:
    __getattr__, __dir__ = late_names(__name__)
