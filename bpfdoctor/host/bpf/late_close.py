"""Perf events that the kernel closes by itself, later: nobody waits, and no other trial does.

The last close of a perf event on a tracepoint waits until every CPU has passed by, 0.05 to 0.1 s on
Linux 6.18, and whoever opens or closes another waits behind it (event_mutex). A map of the type
BPF_MAP_TYPE_PERF_EVENT_ARRAY (Linux 4.3, commit ea317b267e9d) holds an event open. When the map's
descriptor is closed, its entries go by RCU (Linux 4.8, commit 3b1efb196eee), and a worker of the
kernel does the last close and waits.
"""

from __future__ import annotations

import os
import resource
import struct
import threading
from contextlib import ExitStack

from bpfdoctor.host.bpf.calls import create_map, update
from bpfdoctor.host.headroom import memory_is_limited

PERF_EVENT_ARRAY = 4
"""BPF_MAP_TYPE_PERF_EVENT_ARRAY of enum bpf_map_type."""

AFTER = 0.5
"""Seconds from the first event that is held: by then the trials beside it are over, mostly."""

MOST = 8
"""Events that a process leaves to the kernel: it closes some 13 a second, and till then their
programs run."""

ENOUGH = 256
"""Descriptors that a process may have open, below which none is spent on a map."""

CLOSING = "bpfdoctor-closing"
"""The name of a thread that closes an event, where the kernel does not."""


class _Held:
    """The maps that hold events."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._maps: list[int] = []
        self._taken = 0
        self._timer: threading.Timer | None = None

    def takes(self, event: int) -> bool:
        """Hold an event for a while; the caller closes it. False where enough are held.

        Raises OSError and RuntimeError where it cannot be done.
        """
        with ExitStack() as undo, self._lock:
            if self._taken >= MOST or resource.getrlimit(resource.RLIMIT_NOFILE)[0] < ENOUGH:
                return False
            held = create_map(PERF_EVENT_ARRAY, 4, 4, 1)
            undo.callback(os.close, held)
            update(held, bytes(4), struct.pack("=I", event))
            if self._timer is None:
                timer = threading.Timer(AFTER, self.let_go)
                timer.daemon = True  # what is held when the process ends is closed all the same
                timer.start()
                self._timer = timer
            undo.pop_all()
            self._maps.append(held)
            self._taken += 1
        return True

    def let_go(self) -> None:
        """Close the maps."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            while self._maps:
                os.close(self._maps.pop())

    def forked(self) -> None:
        """In a child: its copies are closed, so that its parent's are the last."""
        for each in self._maps:
            os.close(each)
        self._lock, self._maps, self._timer = threading.Lock(), [], None


_HELD = _Held()
os.register_at_fork(after_in_child=_HELD.forked)


def close_later(event: int) -> None:
    """Close an event without waiting: by the kernel, or else by a thread of its own.

    The interpreter ends after that thread. Where memory is short there is no thread.
    """
    if memory_is_limited():
        os.close(event)
        return
    try:
        held = _HELD.takes(event)
    except (OSError, RuntimeError):  # not allowed, no more threads
        held = False
    if held:
        os.close(event)
    else:
        _close_aside(event)


def _close_aside(event: int) -> None:
    try:
        threading.Thread(target=os.close, args=(event,), name=CLOSING, daemon=False).start()
    except RuntimeError:  # no more threads
        os.close(event)


def finish(timeout: float = 20) -> None:
    """Close now what is held, and wait for what threads close, `timeout` seconds for each."""
    _HELD.let_go()
    for thread in threading.enumerate():
        if thread.name == CLOSING:
            thread.join(timeout)
