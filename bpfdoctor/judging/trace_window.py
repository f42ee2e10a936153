"""What the state of the global trace means for those who look at it: words, no I/O."""

from __future__ import annotations

from bpfdoctor.host.system.trace_window import TraceWindow

BUSY = "EBUSY"
"""Another reader has trace_pipe to itself, and shows what is printed."""


def why_shut(window: TraceWindow) -> str:
    """Say why a program that prints is silent for its user; empty where it is not."""
    if window.on is False:
        return f"{window.place}/tracing_on is 0"
    if window.refused not in ("", BUSY):
        return f"{window.place}/trace_pipe does not open: {window.refused}"
    return ""


def why_doubtful(window: TraceWindow) -> str:
    """Say what may keep lines from the user, and may not; empty for nothing."""
    if window.on is None:
        return f"{window.place}/tracing_on cannot be read"
    return f"{window.place}/{window.narrowed[0]}" if window.narrowed else ""
