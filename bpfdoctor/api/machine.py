"""Which machine this is, and who asks: user, distribution, container, environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bpfdoctor.api.late import late_names

if TYPE_CHECKING:
    from bpfdoctor.host.architecture import target_architecture as target_architecture
    from bpfdoctor.host.system.container import AskContainer as AskContainer, Marks as Marks
    from bpfdoctor.host.system.facts import (
        INITIAL_PID_NAMESPACE as INITIAL_PID_NAMESPACE,
        AskDistribution as AskDistribution,
        AskIdentity as AskIdentity,
        Distribution as Distribution,
        Identity as Identity,
    )
    from bpfdoctor.host.system.loopback import AskLoopback as AskLoopback, Loopback as Loopback
    from bpfdoctor.host.tools.commands import (
        AskEnvironment as AskEnvironment,
        Variables as Variables,
    )
else:
    __getattr__, __dir__ = late_names(__name__)
