"""Filling a checkout's submodules: what state each is in, and what is too hostile to touch."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

import msgspec

from bpfdoctor.fix.plan import Manual, Step
from bpfdoctor.host.commands import Completed, RunCommand
from bpfdoctor.host.files import ListDirectory, LookAt, Names, PathFacts
from bpfdoctor.host.question import Host

DEPTH = 4
"""How deep submodules may nest; bpftool's libbpf is at 2."""
PROGRAMS = re.compile(
    r"core\.(sshcommand|fsmonitor|hookspath|gitproxy|askpass|worktree)|include(if)?\..*|"
    r"filter\..*|credential(\..*)?\.helper|protocol\..*|remote\..*\.(uploadpack|vcs)"
)
"""Settings of a checkout's own configuration that run a program or lead elsewhere."""
UPDATE = (
    *("-c", "core.hooksPath=/dev/null", "-c", "protocol.ext.allow=never"),
    *("-c", "http.lowSpeedLimit=1", "-c", "http.lowSpeedTime=60"),
    *("submodule", "update", "--init", "--recursive", "--checkout", "--progress"),
)


class Submodule(msgspec.Struct, frozen=True):
    """An entry of `.gitmodules` in `repository`, a path; the settings are verbatim."""

    repository: str
    name: str
    settings: dict[str, str]

    @property
    def path(self) -> str:
        """Where it belongs, below the repository; empty if it does not say."""
        return self.settings.get("path", "")

    @property
    def url(self) -> str:
        """Where it comes from."""
        return self.settings.get("url", "")

    @property
    def place(self) -> str:
        """Its absolute path."""
        return f"{self.repository}/{self.path}"


def plan_submodules(
    host: Host, checkout: str, why: tuple[str, ...]
) -> tuple[list[Step], list[Manual]]:
    """The steps that fill what is empty or half filled; everything else is left alone."""
    return _Planner(host, why).repository(checkout, DEPTH)


class _Planner:
    def __init__(self, host: Host, why: tuple[str, ...]) -> None:
        self.host, self.why = host, why

    def repository(self, place: str, depth: int) -> tuple[list[Step], list[Manual]]:
        steps: list[Step] = []
        manual: list[Manual] = []
        config = self._local_config(place)
        if config is None:
            return [], [
                self._manual(
                    f"git does not answer in {place}; run there, as its owner: "
                    "git submodule update --init --recursive"
                )
            ]
        reason = hostile_config(config)
        if reason:
            return [], [
                self._manual(
                    f"{place}/.git/config sets {reason}: git would run or fetch "
                    "what this checkout chose. Remove it, then run fix again"
                )
            ]
        for submodule in read_gitmodules(self.host, place):
            more = self._submodule(submodule, config, depth)
            steps += more[0]
            manual += more[1]
        return steps, manual

    def _submodule(
        self, submodule: Submodule, config: dict[str, str], depth: int
    ) -> tuple[list[Step], list[Manual]]:
        reason = refusal(submodule) or self._through_link(submodule)
        if reason:
            return [], [self._manual(f"submodule {submodule.name!r} is refused: {reason}")]
        pinned = self._pinned(submodule)
        if not pinned:
            return [], []  # .gitmodules names it, the tree does not hold it
        head = self._head(submodule)
        if head == "":
            return list(self._fill(submodule, config)), []
        if head != pinned:
            return [], [self._manual(_moved(submodule, head, pinned))]
        return self.repository(submodule.place, depth - 1) if depth > 1 else ([], [])

    def _fill(self, submodule: Submodule, config: dict[str, str]) -> Iterator[Step]:
        known = config.get(f"submodule.{submodule.name}.url", "")
        after: tuple[str, ...] = ()
        if known and not submodule.url.startswith(".") and known != submodule.url:
            sync = self._sync(submodule, known)
            after = (sync.id,)
            yield sync
        undo = ("git", "-C", submodule.repository, "submodule", "deinit", "--", submodule.path)
        yield Step(
            id=f"submodule:{submodule.place}",
            kind="submodule",
            title=f"fill the submodule {submodule.path} from {submodule.url}",
            argv=("git", "-C", submodule.repository, *UPDATE, "--", submodule.path),
            why=self.why,
            owner_of=submodule.repository,
            undo=undo if not known else (),
            undo_text="" if not known else "it was initialised before: nothing is taken back",
            after=after,
        )

    def _sync(self, submodule: Submodule, known: str) -> Step:
        git = ("git", "-C", submodule.repository)
        return Step(
            id=f"sync:{submodule.place}",
            kind="submodule",
            title=f"take the address of {submodule.path} from .gitmodules (it was {known})",
            argv=(*git, "submodule", "sync", "--", submodule.path),
            why=self.why,
            owner_of=submodule.repository,
            undo=(*git, "config", f"submodule.{submodule.name}.url", known),
        )

    def _head(self, submodule: Submodule) -> str | None:
        """The commit it is at; empty if it has to be filled; None where git would not say."""
        entries = self.host.ask(ListDirectory(submodule.place))
        names = set(entries.names) if isinstance(entries, Names) else set()
        if ".git" not in names:
            return "" if not names else None
        if names == {".git"}:
            return ""
        answer = self._git(submodule.place, "rev-parse", "--verify", "HEAD")
        return answer.stdout.strip() if answer is not None and answer.ok else ""

    def _pinned(self, submodule: Submodule) -> str:
        tree = ("ls-tree", "-z", "HEAD", "--", submodule.path)
        answer = self._git(submodule.repository, *tree)
        fields = (answer.stdout if answer else "").split()
        return fields[2] if len(fields) > 2 and fields[0] == "160000" else ""

    def _through_link(self, submodule: Submodule) -> str:
        parts = submodule.path.split("/")
        for count in range(1, len(parts) + 1):
            place = "/".join((submodule.repository, *parts[:count]))
            facts = self.host.ask(LookAt(place))
            if isinstance(facts, PathFacts) and facts.kind == "link":
                return f"its path goes through the link {place} -> {facts.target}"
        return ""

    def _local_config(self, place: str) -> dict[str, str] | None:
        answer = self._git(place, "config", "--local", "--null", "--list")
        return _settings(answer.stdout) if answer is not None and answer.ok else None

    def _git(self, place: str, *arguments: str) -> Completed | None:
        argv = ("git", "-C", place, "-c", "core.fsmonitor=false", *arguments)
        answer = self.host.ask(RunCommand(argv, owner_of=place))
        return answer if isinstance(answer, Completed) else None

    def _manual(self, text: str) -> Manual:
        return Manual(self.why, text)


def read_gitmodules(host: Host, repository: str) -> list[Submodule]:
    """The entries of `.gitmodules`, in its order; none where there is no such file."""
    facts = host.ask(LookAt(f"{repository}/.gitmodules"))
    if not isinstance(facts, PathFacts) or facts.kind != "file":
        return []
    argv = ("git", "config", "--file", f"{repository}/.gitmodules", "--null", "--list")
    answer = host.ask(RunCommand(argv, owner_of=repository))
    entries: dict[str, dict[str, str]] = {}
    for key, value in _settings(answer.stdout if isinstance(answer, Completed) else "").items():
        parts = key.split(".")
        if parts[0] == "submodule" and len(parts) > 2:
            entries.setdefault(".".join(parts[1:-1]), {})[parts[-1]] = value
    return [Submodule(repository, name, settings) for name, settings in entries.items()]


def refusal(submodule: Submodule) -> str:
    """Why a submodule is not to be touched; empty for an honest one.

    A relative URL is one beside the superproject's own origin, which the user chose.
    """
    path, url = submodule.path, submodule.url
    if not path or path.startswith(("/", "-")) or posixpath.normpath(path) != path:
        return f"its path {path!r} is not a plain path below the checkout"
    if path.split("/")[0] in ("..", ".git") or ".git" in path.lower().split("/"):
        return f"its path {path!r} leaves the checkout or enters .git"
    if ".." in submodule.name.split("/") or submodule.name.startswith("-"):
        return f"its name {submodule.name!r} leads out of .git/modules"
    if submodule.settings.get("update", "checkout").startswith("!"):
        return f"it would run {submodule.settings['update'][1:]!r}"
    return _url_refusal(url)


def _url_refusal(url: str) -> str:
    """https, http, git and ssh, `host:path`, and what is relative to the origin are addresses."""
    if url.startswith(("./", "../")):
        return ""
    if re.match(r"[\w+.-]*::", url):
        return f"its URL {url!r} runs a program (a remote helper)"
    if url.startswith("/") or url.lower().startswith("file:"):
        return f"its URL {url!r} is a place on this machine, outside the checkout"
    if re.fullmatch(r"(https?|git|ssh)://(?!-)[^\s\0]+|[\w][\w.@-]*:(?!-|//)[^\s\0]+", url):
        return ""
    return f"its URL {url!r} is not one that git should be given"


def hostile_config(config: dict[str, str]) -> str:
    """The first setting of a checkout's own configuration that runs something; empty if none."""
    for key, value in config.items():
        if PROGRAMS.fullmatch(key.lower()) and not _harmless(key.lower(), value):
            return f"{key}={value}"
        if re.fullmatch(r"submodule\..*\.update", key) and value.startswith("!"):
            return f"{key}={value}"
        if re.fullmatch(r"(submodule|remote)\..*\.url", key) and _local_url_refusal(value):
            return f"{key}={value}"
    return ""


def _harmless(key: str, value: str) -> bool:
    """git itself writes core.worktree into a submodule's configuration: relative, up and back."""
    if key == "core.worktree":
        return not value.startswith("/")
    return key == "core.fsmonitor" and value in ("false", "0", "no", "off")


def _local_url_refusal(url: str) -> str:
    """git resolves a relative URL when it initialises: a local one is then the origin's doing."""
    return "" if url.startswith(("/", "file:")) else _url_refusal(url)


def _settings(listing: str) -> dict[str, str]:
    """`git config --null --list`: key, newline, value, NUL."""
    pairs = (entry.partition("\n") for entry in listing.split("\0") if entry)
    return {key: value for key, _, value in pairs}


def _moved(submodule: Submodule, head: str | None, pinned: str) -> str:
    if head is None:
        return (
            f"{submodule.place} holds files and no .git: it is left alone. To fill it, move them "
            "away and run fix again"
        )
    return (
        f"{submodule.place} is at {head[:12]}, the checkout pins {pinned[:12]}: it is left alone, "
        f"for that may be your work. To take the pinned commit: git -C {submodule.repository} "
        f"submodule update --checkout -- {submodule.path}"
    )
