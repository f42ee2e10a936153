"""What some code does with BPF programs and maps: by libbpf's functions, and by its own."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bpfdoctor.host.c_source.code import SourceCall, SourceCode
from bpfdoctor.host.c_source.programs import EVERY, Expressions, Meant
from bpfdoctor.host.c_source.steps import StepLimit, TooMuchError

OPTIONAL, BY_HAND, RETARGETED, CHANGED = "optional", "by_hand", "retargeted", "changed"
SIZED = "sized"
_FOREIGN = "foreign"
"""Given to a function that is defined elsewhere: it may do all of that."""

_ATTACHES = re.compile(r"(?:bpf|xdp)_program__(?:attach\w*|fd|nth_fd|set_autoattach)")
_RETARGETS = "bpf_program__set_attach_target"
_CHANGES = re.compile(r"bpf_program__set_\w+")
_PLAIN = re.compile(r"bpf_program__set_(?:log_\w+|autoattach|attach_target)")
_SIZES = re.compile(r"bpf_map__(?:set_\w+|resize|reuse_fd)")
_KEEPS_SIZE = re.compile(r"bpf_map__set_(?:initial_value|autoattach|priv)")
_ANY = {
    "bpf_prog_load_xattr": (CHANGED, BY_HAND),
    "libbpf_register_prog_handler": (CHANGED,),
    "xdp_program__attach": (BY_HAND,),
    "xdp_program__attach_multi": (BY_HAND,),
}
"""Functions that say nothing of which program they mean."""
_KERNELS = re.compile(
    r"bpf_prog_attach\w*|bpf_link_create|bpf_tc_attach|bpf_xdp_attach|bpf_set_link_xdp_fd\w*"
    r"|bpf_raw_tracepoint_open\w*"
)
"""These take a program's descriptor: that of any, where no call says whose it is."""
_HARMLESS = re.compile(
    r"bpf_(?:program|map|object|link|linker|prog|obj|btf|iter|tc|xdp|raw|task|enable|set|get)_\w+"
    r"|(?:libbpf|btf|ring_buffer|user_ring_buffer|perf_buffer|xdp)_\w+|\w*printf|\w*free|warnx?"
    r"|errx?|perror|assert|static_assert|signal|sigaction|mem\w+|str\w+|(?:IS|PTR)_ERR\w*"
    r"|ARRAY_SIZE|offsetof|likely|unlikely|__builtin_\w+"
)
_SKELETON = re.compile(
    r"(\w+?)__(open|open_opts|open_and_load|open_file|load|attach|detach|destroy|elf_bytes)"
)
_OPENS_FILE = re.compile(r"bpf_object__open(?:_file|_xattr)?")
_OBJECT_FILE = re.compile(r'"(?:[^"]*/)?([\w.+-]+)\.o"')
_ROUNDS = 12


def files_opened(code: SourceCode) -> tuple[str, ...]:
    """The objects that some code opens by file: `minimal_bpf` for "out/minimal.bpf.o"."""
    if not any(_OPENS_FILE.fullmatch(call.name) for call in code.calls):
        return ()
    named = {found[1] for found in map(_OBJECT_FILE.fullmatch, code.words) if found}
    return tuple(sorted(re.sub(r"\W", "_", each) for each in named))


def brings_btf(code: SourceCode) -> bool:
    """Whether it may give libbpf the kernel's types from a file.

    It names a field of bpf_object_open_opts (libbpf 0.5; before, of bpf_object_load_attr), or the
    function by which bcc's tools fill it where the kernel has no BTF.
    """
    return not {"btf_custom_path", "target_btf_path", "ensure_core_btf"}.isdisjoint(code.words)


def skeletons(code: SourceCode) -> tuple[str, ...]:
    """The skeletons that some code opens, by name (`minimal_bpf`)."""
    seen: dict[str, set[str]] = {}
    for call in code.calls:
        found = _SKELETON.fullmatch(call.name)
        if found and found[1] not in ("bpf_object", "xdp_program"):
            seen.setdefault(found[1], set()).add(found[2])
    return tuple(sorted(name for name, words in seen.items() if _opens(words)))


def _opens(words: set[str]) -> bool:
    """A word of its own tells a skeleton from any other thing that is opened."""
    return bool(words & {"open_and_load", "open_opts"}) or (
        "open" in words and bool(words & {"load", "attach", "destroy"})
    )


class Uses:
    """The programs and maps of each use; `EVERY` where it may be any."""

    def __init__(self, code: SourceCode, expressions: Expressions, steps: StepLimit) -> None:
        self.code, self.expressions, self.steps = code, expressions, steps
        self.opened = skeletons(code)
        self._defined = {each.name: each for each in code.functions}
        self._handles = frozenset(self._skeletons_held())
        self.of: dict[str, set[Meant]] = {
            use: set() for use in (OPTIONAL, BY_HAND, RETARGETED, CHANGED, SIZED, _FOREIGN)
        }
        self._parameters: dict[tuple[str, int], set[str]] = {}
        self._calls()
        self._links()
        self._passed_on()
        self._descriptors()

    def programs(self, use: str) -> tuple[tuple[str, ...], bool]:
        """The programs of a use, and whether it may be any."""
        return self._named(use, "program")

    def maps(self, use: str) -> tuple[tuple[str, ...], bool]:
        """The maps of a use, and whether it may be any."""
        return self._named(use, "map")

    def _named(self, use: str, kind: str) -> tuple[tuple[str, ...], bool]:
        meant = self.of[use] | self.of[_FOREIGN]
        return tuple(sorted(name for what, name, _ in meant if what == kind)), EVERY in meant

    def _calls(self) -> None:
        for call in self.code.calls:
            for use in _ANY.get(call.name, ()):
                self.of[use].add(EVERY)
            uses = tuple(_uses_of(call.name))
            if uses and call.arguments:
                meant = self.expressions.meant(*call.arguments[0]) or {EVERY}
                for use in uses:
                    self._add(use, meant)
            elif self._is_foreign(call):
                self._handed(call)

    def _is_foreign(self, call: SourceCall) -> bool:
        """Nobody knows what this function does: it is defined elsewhere."""
        known = call.name in self._defined or _HARMLESS.fullmatch(call.name)
        skeleton = _SKELETON.fullmatch(call.name)
        return not known and not (skeleton and skeleton[1] in self.opened)

    def _handed(self, call: SourceCall) -> None:
        """What it is given, it may do anything with; given the skeleton, with all in it."""
        for start, end in call.arguments:
            meant = self.expressions.meant(start, end)
            if self._is_skeleton(start, end):
                meant = meant | {EVERY}
            self._add(_FOREIGN, meant)

    def _is_skeleton(self, start: int, end: int) -> bool:
        """`skel`, `&skel`, `skel->obj`, `skel->skeleton`; nothing smaller of it."""
        self.steps.spend(end - start)
        words = self.code.words[start:end]
        bare = [word for word in words if word not in ("&", "*", "(", ")")]
        whole = len(bare) == 1 or (len(bare) == 3 and bare[2] in ("obj", "skeleton"))
        return whole and bare[0] in self._handles

    def _skeletons_held(self) -> Iterator[str]:
        """The variables that hold a whole object: `struct minimal_bpf *skel`."""
        words, whole = self.code.words, (*self.opened, "bpf_object")
        for at, word in enumerate(words):
            if word in whole and words[at + 1 : at + 2] == ["*"] and at + 2 < len(words):
                stars = at + 2
                yield words[stars + 1] if words[stars] == "*" else words[stars]

    def _links(self) -> None:
        """`skel->links.X = …`: it is kept for the skeleton to end, not to attach."""
        words = self.code.words
        for each in self.code.assignments:
            at = each.at
            if each.field and words[at - 2] in (".", "->") and words[at - 3] == "links":
                self.of[BY_HAND].add(("program", each.field, 0))

    def _add(self, use: str, meant: set[Meant]) -> None:
        for each in meant:
            if each[0]:
                self.of[use].add(each)
            else:
                self._parameters.setdefault((each[1], each[2]), set()).add(use)

    def _passed_on(self) -> None:
        """Functions that do it with a parameter do it with what they are called with."""
        for _ in range(_ROUNDS):
            before = self._known()
            for call in self.code.calls:
                for number, place in enumerate(call.arguments):
                    uses = self._parameters.get((call.name, number), set())
                    meant = self.expressions.meant(*place) if uses else set()
                    for use in tuple(uses):
                        self._add(use, meant or (set() if use == _FOREIGN else {EVERY}))
            if self._known() == before:
                return self._by_address()
        raise TooMuchError

    def _known(self) -> int:
        found = sum(len(meant) for meant in self.of.values())
        return found + sum(len(uses) for uses in self._parameters.values())

    def _by_address(self) -> None:
        """A function whose address is taken is called with anything."""
        taking = {name for name, _ in self._parameters}
        for at, word in enumerate(self.code.words):
            if word in taking and self.code.words[at + 1 : at + 2] != ["("]:
                for (name, _), uses in self._parameters.items():
                    if name == word:
                        for use in uses - {_FOREIGN}:
                            self.of[use].add(EVERY)

    def _descriptors(self) -> None:
        names = {call.name for call in self.code.calls}
        if any(map(_KERNELS.fullmatch, names)) and "bpf_program__fd" not in names:
            self.of[BY_HAND].add(EVERY)


def _uses_of(name: str) -> Iterator[str]:
    """What a function of libbpf's does with its first argument."""
    if name == "bpf_program__set_autoload":
        yield OPTIONAL
    elif _ATTACHES.fullmatch(name):
        yield BY_HAND
    elif name == _RETARGETS:
        yield RETARGETED
    elif _CHANGES.fullmatch(name) and not _PLAIN.fullmatch(name):
        yield CHANGED
    elif _SIZES.fullmatch(name) and not _KEEPS_SIZE.fullmatch(name):
        yield SIZED
