"""What the user space part of a program does with its BPF programs and maps, read off its C.

The compiled object says what may be loaded; the loader, which of it is, where it is attached, and
how large its maps are. Reading it only ever weakens what the object says: whatever is computed may
be any of them.
"""

from __future__ import annotations

from bpfdoctor.host.question import Answer


class Loader(Answer, frozen=True):
    """What a loader does, by the names of BPF programs and maps.

    `optional`: it may leave these programs out. `by_hand`: it attaches them itself, or hands their
    descriptors on. `retargeted`: it says to what they attach. `changed`: it gives them another
    type, other flags or other code. `sized`: maps that it gives another size or type, reuses or
    leaves out. Each `every_…` says that it may be any. `memlock` is what it raises RLIMIT_MEMLOCK
    to in bytes (-1: infinity), where it ends if it may not; None where it does not, or carries on;
    `may_carry_on`: it may do either.
    `own_btf`: it may bring the kernel's types itself, in a file.
    `opened` are its skeletons, and the objects that it opens by file, named as those are. `unread`
    says why it could not be read to its end.
    """

    optional: tuple[str, ...] = ()
    every_optional: bool = False
    by_hand: tuple[str, ...] = ()
    every_by_hand: bool = False
    retargeted: tuple[str, ...] = ()
    every_retargeted: bool = False
    changed: tuple[str, ...] = ()
    every_changed: bool = False
    sized: tuple[str, ...] = ()
    every_sized: bool = False
    memlock: int | None = None
    may_carry_on: bool = False
    own_btf: bool = False
    opened: tuple[str, ...] = ()
    unread: str = ""

    def may_leave_out(self, program: str) -> bool:
        """Whether it may not load a program."""
        return self.every_optional or program in self.optional

    def attaches(self, program: str) -> bool:
        """Whether it may attach a program itself."""
        return self.every_by_hand or program in self.by_hand

    def retargets(self, program: str) -> bool:
        """Whether it may say to what a program attaches."""
        return self.every_retargeted or program in self.retargeted

    def changes(self, program: str) -> bool:
        """Whether it may load a program as another than the object says."""
        return self.every_changed or program in self.changed

    def sizes(self, name: str) -> bool:
        """Whether a map may have another size or type than the object says, or not be made."""
        return self.every_sized or name in self.sized

    def shown(self) -> str:
        said = {
            "may leave out": _listed(self.optional, every=self.every_optional),
            "attaches by hand": _listed(self.by_hand, every=self.every_by_hand),
            "sends elsewhere": _listed(self.retargeted, every=self.every_retargeted),
            "changes": _listed(self.changed, every=self.every_changed),
            "sizes": _listed(self.sized, every=self.every_sized),
            "raises RLIMIT_MEMLOCK to": _limit(self.memlock, sure=not self.may_carry_on),
            "brings the kernel's types": "perhaps" if self.own_btf else "",
            "not read": self.unread,
        }
        return "\n".join(f"{what} {names}" for what, names in said.items() if names) or "(none)"


ANYTHING = Loader(
    every_optional=True,
    every_by_hand=True,
    every_retargeted=True,
    every_changed=True,
    every_sized=True,
    own_btf=True,
)
"""A loader of which nothing is known: it may do anything."""


def _listed(names: tuple[str, ...], *, every: bool) -> str:
    return ", ".join((*names, *(["any of them"] if every else [])))


def _limit(limit: int | None, *, sure: bool) -> str:
    if limit is None:
        return ""
    return ("infinity" if limit < 0 else f"{limit} bytes") + ("" if sure else ", perhaps")
