"""Which tool will be used: the one that the makefile would run, or another where that is unfit.

What the makefile would run is its own setting, where it was read (`CLANG := clang-15`); else
`$CLANG` if that is set, else `clang` on PATH; likewise the others. Checks and the embedded program
share these judgements; all of them are made of questions to the host.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Iterator

import msgspec

from bpfdoctor.host.question import Host, NoAnswer
from bpfdoctor.host.tools.commands import environment_variable
from bpfdoctor.host.tools.search import FindExecutables, FindTool, FoundTools
from bpfdoctor.judging.tools.tool_verdict import Argv, ToolVerdict, absent, looked_at
from bpfdoctor.model import Evidence
from bpfdoctor.projects.model import Setting

FOR_TARGET = ("CC", "LD", "AR")
"""The tools that work for the machine that the program is built for."""

_CROSS = re.compile(r"(?:[\w.]+-){2,}(?:gcc|cc|clang|ar|ld|g\+\+|c\+\+)(?:-[\d.]+)?")
"""A tool's name with the machine before it that it works for: `aarch64-linux-gnu-gcc`."""


_TOOL = re.compile(
    r"(?:[\w.+-]+-)?(?:cc|c99|c\+\+|gcc|g\+\+|clang|clang\+\+|icx?|tcc|bpftool|ar|ld|cargo"
    r"|nm|strip|objcopy|ranlib)(?:[-\d.]+(?:git|rc\d*)?)?"
)
_WRAPPER = re.compile(r"ccache|sccache|distcc|icecc|gomacc")
_OPTION = re.compile(
    r"-[gOm][\w.=+-]*|-U\w+|-std=[\w+]+|-f[a-z0-9-]+|-W[a-z][\w=+-]*|-w|-pipe|-static|-pthread"
    r"|-(?:no-)?pie|-nostdinc|-nostdlib|--?target=[\w.-]+|-D\w+(?:=[\w.]*)?"
)
"""What a makefile's setting may consist of: it is text of a tree, and is run to judge the tool
before a build was asked for. Options that name a file to write or to load are not among them."""


class ToolChoice(msgspec.Struct, frozen=True):
    """The tool that is used for a make variable; `default` is what the makefile would run.

    They differ only where the default is not fit and `used` is.
    """

    variable: str
    used: ToolVerdict
    default: ToolVerdict
    plain: bool = True
    """make would run the tool of the usual name, which a package brings."""
    cross: bool = False
    """The user asked for programs of another machine: no other tool takes this one's place."""

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


def tool_words(host: Host, name: str, default: str) -> Argv:
    """The words that make would run for a variable: the environment's, else the makefile's.

    Empty where the variable is set to nothing, or to what no shell would read.
    """
    given = environment_variable(host, name)
    return (_expanded(host, default),) if given is None else _split(given)


def setting_words(host: Host, setting: Setting) -> Argv:
    """The words that make would run for a variable of its makefile; empty for none.

    A path is one from the makefile's directory where it was read as such.
    """
    if not setting.origin:
        return tool_words(host, setting.variable, setting.value)
    return _split(setting.value)


def _split(text: str) -> Argv:
    try:
        return tuple(shlex.split(text))
    except ValueError:
        return ()


def _expanded(host: Host, default: str) -> str:
    """A makefile's default with the environment's values in it: of `$(CROSS_COMPILE)cc`."""

    def value(reference: re.Match[str]) -> str:
        return environment_variable(host, reference[1]) or ""

    return re.sub(r"\$\((\w+)\)", value, default)


def choose(  # noqa: PLR0913  (what is asked for, and where else to look)
    host: Host,
    setting: Setting,
    judge: Callable[[Argv], ToolVerdict],
    others: tuple[tuple[str, ...], ...],
    *,
    rather: ToolVerdict | None = None,
    usual: str = "",
) -> ToolChoice:
    """The makefile's own tool if it is fit; else `rather`, a fit one, or the best fit of `others`.

    `others` are sets of patterns as for `FindExecutables`, which sorts the highest version first;
    an earlier set is better than a later one, and the `usual` name is better than all of them.
    There is no other for a tool of a cross build, nor where no argument of make's names one.
    """
    words = setting_words(host, setting)
    first = _first(host, setting, words, judge)
    names = usual or ("" if setting.origin else _expanded(host, setting.value))
    one = ToolChoice(setting.variable, first, first, words == (names,))
    if first.fit or first.state == "unproven" or _is_settled(setting):
        return one
    if _asked_for(host, setting, words):
        return msgspec.structs.replace(one, cross=True)
    if rather is not None:
        return msgspec.structs.replace(one, used=rather)
    for argv in _candidates(host, ((names,) if names else (), *others)):
        judged = judge(argv) if argv != words else first
        if judged.fit:
            return msgspec.structs.replace(one, used=judged)
    return one


def _is_settled(setting: Setting) -> bool:
    """No argument of make's is advised: it would change nothing, or what is not known."""
    return setting.origin == "override" or bool(setting.computed)


def _first(
    host: Host, setting: Setting, words: Argv, judge: Callable[[Argv], ToolVerdict]
) -> ToolVerdict:
    """The verdict on what the makefile would run, with where that is written."""
    name = setting.variable
    if setting.computed:
        trouble = f"the makefile computes {name} by {setting.computed}"
        seen = (Evidence(setting.makefile, f"{name} is computed by {setting.computed}"),)
        return ToolVerdict((), "unclear", "", trouble, seen)
    if odd := odd_word(setting, words):
        trouble = f"{name} of the makefile is not run: {odd!r} is no tool or option that is known"
        seen = (Evidence(setting.makefile, f"{name} = {setting.value}"),)
        return ToolVerdict((), "unclear", "", trouble, seen)
    if (own := unbuilt_tool(setting, words)) and absent(host, (own,)) is None:
        return msgspec.structs.replace(looked_at(host, (own,)), argv=words)
    judged = judge(words) if words else ToolVerdict((), "missing", "", f"{name} is set to nothing")
    if judged.fit or setting.origin not in ("file", "override"):
        return judged
    place = Evidence(setting.makefile, f"{name} = {setting.value}")
    return msgspec.structs.replace(judged, seen=(place, *judged.seen))


def odd_word(setting: Setting, words: Argv) -> str:
    """The first word of a makefile's own setting that could run what nobody has asked for."""
    if setting.origin not in ("file", "override"):
        return ""  # the user's own
    tool, *options = _unwrapped(words) or ("cc",)
    if not _TOOL.fullmatch(os.path.basename(tool)):
        return tool
    return next((word for word in options if not _OPTION.fullmatch(word)), "")


def unbuilt_tool(setting: Setting, words: Argv) -> str:
    """The tool that a makefile names, where it lies in a checkout that is not to be built."""
    tool = os.path.normpath((*_unwrapped(words), "")[0])
    inside = setting.unbuilt and tool.startswith(f"{setting.unbuilt}/")
    return tool if inside and setting.origin in ("file", "override") else ""


def _unwrapped(words: Argv) -> Argv:
    wrapped = len(words) > 1 and _WRAPPER.fullmatch(os.path.basename(words[0]))
    return words[1:] if wrapped else words


def _asked_for(host: Host, setting: Setting, words: Argv) -> bool:
    """The user asked for a cross build: the tool's name begins with a machine, or his prefix."""
    name = os.path.basename(words[0]) if words else ""
    if setting.variable not in FOR_TARGET or "-" not in name:
        return False
    if _CROSS.fullmatch(name):
        return True
    prefix = os.path.basename(environment_variable(host, "CROSS_COMPILE") or "")
    return bool(prefix) and name.startswith(prefix)


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
