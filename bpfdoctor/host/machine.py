"""What a live question may use of this machine: environment, scratch space, cache, progress."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from bpfdoctor.host.credentials import Credentials
from bpfdoctor.host.environment import child_environment, outside_make
from bpfdoctor.host.own_home import own_home
from bpfdoctor.host.process import ProcessResult, run
from bpfdoctor.host.scratch import Scratch, sweep_scratch, temporary_place, usable_temporary

CLOSING = 20
"""How often the scratch directory is removed before it is left to the next run's sweep."""


def silent(text: str) -> None:
    """The progress of a run that nobody watches."""


class Machine:
    """The live machine as this user sees it.

    `environ` is the user's environment, with this user's home (`own_home`); `other_homes` are those
    that were named and are another user's. `cache` is the per-user cache directory (mode 0700), or
    None where there is none: with `--no-cache`, or where it cannot be made. `progress` is called
    with one line on what is being done.
    """

    def __init__(
        self,
        environ: Mapping[str, str] | None = None,
        cache: Path | None = None,
        progress: Callable[[str], None] = silent,
    ) -> None:
        given, self.other_homes, _ = own_home(os.environ if environ is None else environ)
        # Without a PATH a shell takes its default; gcc, left without, does not find its linker.
        self.environ = {"PATH": os.defpath, **outside_make(given)}
        self.cache = cache
        self.progress = progress
        self._scratch: Scratch | None = None
        self._closed = False
        self._lock = threading.Lock()

    @property
    def scratch(self) -> Path:
        """A directory of this run alone; shown as `$SCRATCH`, removed by `close`.

        Raises RuntimeError when that is over: a check that is still under way must leave none.
        """
        with self._lock:
            return self._own().path

    @property
    def own_places(self) -> tuple[str, ...]:
        """The directories that are this user's or this run's, as far as there are any."""
        made = self._scratch.path if self._scratch else None
        return tuple(str(each) for each in (self.cache, made) if each)

    def lent(self, identity: Credentials) -> Path:
        """A directory in it that is another user's. Raises as `scratch`."""
        with self._lock:
            return self._own().lend(identity)

    def temporary(
        self, identity: Credentials | None = None, place: Path | None = None
    ) -> dict[str, str]:
        """The variable by which a compiler puts its temporary files into scratch, or into `place`.

        One that is killed leaves them: there they go with the run. Where the user names a directory
        that is of no use, it is empty, for the user's own build fails by that.
        """
        if identity is None and not usable_temporary(self.environ):
            return {}
        try:
            return {"TMPDIR": str(place or (self.lent(identity) if identity else self.scratch))}
        except OSError:
            return {}

    def _own(self) -> Scratch:
        if self._closed:
            raise RuntimeError("the run is over")
        if self._scratch is None:
            sweep_scratch(*([self.cache] if self.cache else []))
            self._scratch = Scratch(self._temporary())
        return self._scratch

    def _temporary(self) -> str:
        """Where this run's own go. Raises OSError where there is no place for them."""
        try:
            return temporary_place()
        except OSError:
            if self.cache is None:
                raise
            return str(self.cache)

    def hidden(self, text: str) -> str:
        """`text` with this run's scratch directory written `$SCRATCH`."""
        return text.replace(str(self._scratch.path), "$SCRATCH") if self._scratch else text

    def run(  # noqa: PLR0913  (as `process.run`)
        self,
        argv: Sequence[str],
        *,
        cwd: str | Path | None = None,
        stdin: bytes = b"",
        timeout: float = 20,
        identity: Credentials | None = None,
        extra: Mapping[str, str] | None = None,
        without: Collection[str] = (),
        on_line: Callable[[str], None] | None = None,
        held: Sequence[int] = (),
        limits: Sequence[tuple[int, int]] = (),
    ) -> ProcessResult:
        """Run a command in this user's environment, `without` some of it; see `process.run`."""
        given = {name: value for name, value in self.environ.items() if name not in without}
        environ = {**child_environment(given, identity), **(extra or {})}
        return run(
            argv,
            environ=environ,
            cwd=cwd,
            stdin=stdin,
            timeout=timeout,
            identity=identity,
            on_line=on_line,
            held=held,
            limits=limits,
        )

    def close(self) -> None:
        """Remove what this run left on the machine."""
        with self._lock:
            scratch, self._scratch, self._closed = self._scratch, None, True
        if scratch is None:
            return
        for _ in range(CLOSING):
            if scratch.remove():
                break
            time.sleep(0.05)  # a command that was just ended may still have been writing there
