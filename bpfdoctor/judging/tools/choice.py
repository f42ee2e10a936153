"""Which tool will be used: the one that the makefile would run, or another where that is unfit.

`$CLANG` if set, else `clang` on PATH; likewise the others. Checks, the embedded program and the
smoke build share these judgements; all of them are made of questions to the host.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Iterator

import msgspec

from bpfdoctor.host.question import Host, NoAnswer
from bpfdoctor.host.tools.commands import AskEnvironment, Variables
from bpfdoctor.host.tools.search import FindExecutables, FindTool, FoundTools
from bpfdoctor.judging.tools.tool_verdict import Argv, ToolVerdict
from bpfdoctor.model import Evidence


class ToolChoice(msgspec.Struct, frozen=True):
    """The tool that is used for a make variable; `default` is what the makefile would run.

    They differ only where the default is not fit and `used` is.
    """

    variable: str
    used: ToolVerdict
    default: ToolVerdict
    plain: bool = True
    """The default is the makefile's own word; nobody's environment names another."""

    @property
    def is_default(self) -> bool:
        """The makefile takes it by itself."""
        return self.used.argv == self.default.argv

    @property
    def fit(self) -> bool:
        """There is one that works."""
        return self.used.fit

    @property
    def argv(self) -> Argv:
        """What to run."""
        return self.used.argv

    @property
    def version(self) -> str:
        """Of the one used; empty where it does not say."""
        return self.used.version

    @property
    def override(self) -> str:
        """What to give make so that it takes this one: `CLANG=clang-16`; empty for the default."""
        return "" if self.is_default else f"{self.variable}={' '.join(self.argv)}"

    @property
    def seen(self) -> tuple[Evidence, ...]:
        """What was asked and answered about both."""
        return self.used.seen if self.is_default else (*self.default.seen, *self.used.seen)


def tool_words(host: Host, variable: str, default: str) -> Argv:
    """The words that make would run for `variable`: the environment's, else the makefile's.

    Empty where the variable is set to nothing, or to what no shell would read.
    """
    values = host.ask(AskEnvironment((variable,)))
    if not isinstance(values, Variables) or variable not in values.values:
        return (expanded(host, default),)
    try:
        return tuple(shlex.split(values.values[variable]))
    except ValueError:
        return ()


def expanded(host: Host, default: str) -> str:
    """A makefile's default with the environment's values in it: of `$(CROSS_COMPILE)cc`."""

    def value(reference: re.Match[str]) -> str:
        values = host.ask(AskEnvironment((reference[1],)))
        return values.values.get(reference[1], "") if isinstance(values, Variables) else ""

    return re.sub(r"\$\((\w+)\)", value, default)


def choose(  # noqa: PLR0913  (what is asked for, and where else to look)
    host: Host,
    variable: str,
    default: str,
    judge: Callable[[Argv], ToolVerdict],
    others: tuple[tuple[str, ...], ...],
    *,
    rather: ToolVerdict | None = None,
) -> ToolChoice:
    """The makefile's own tool if it is fit; else `rather`, a fit one, or the best fit of `others`.

    `others` are sets of patterns as for `FindExecutables`, which sorts the highest version first;
    an earlier set is better than a later one.
    """
    words = tool_words(host, variable, default)
    first = (
        judge(words) if words else ToolVerdict((), "missing", "", f"{variable} is set to nothing")
    )
    plain = words == (expanded(host, default),)
    if first.fit or first.state == "unproven":
        return ToolChoice(variable, first, first, plain)
    if rather is not None:
        return ToolChoice(variable, rather, first, plain)
    for argv in _candidates(host, ((expanded(host, default),), *others)):
        judged = judge(argv) if argv != words else first
        if judged.fit:
            return ToolChoice(variable, judged, first, plain)
    return ToolChoice(variable, first, first, plain)


def _candidates(host: Host, sets: tuple[tuple[str, ...], ...]) -> Iterator[Argv]:
    """Each executable once, by its bare name where PATH leads to the same file."""
    met: set[str] = set()
    for patterns in sets:
        found = host.ask(FindExecutables(patterns))
        for path in found.paths if isinstance(found, FoundTools) else ():
            full, bare = host.ask(FindTool(path)), host.ask(FindTool(os.path.basename(path)))
            if isinstance(full, NoAnswer) or full.resolved in met:
                continue
            met.add(full.resolved)
            same = not isinstance(bare, NoAnswer) and bare.resolved == full.resolved
            yield (os.path.basename(path) if same else path,)
