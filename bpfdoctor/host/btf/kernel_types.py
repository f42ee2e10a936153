"""Questions about the kernel's own types: is there BTF, what functions and fields does it know."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from bpfdoctor.host.btf.file import VMLINUX, open_btf, read_beginning
from bpfdoctor.host.btf.format import COMPOSITE, ENUMERATIONS, BtfError, BtfKind, NewerBtfError
from bpfdoctor.host.btf.matching import members_of
from bpfdoctor.host.btf.reader import Btf
from bpfdoctor.host.question import A, Answer, NoAnswer, Question
from bpfdoctor.host.system.booted import keep_fact, recall_fact

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine


class BtfFacts(Answer, frozen=True):
    """A file of BTF. `wrong` says what is wrong with it, and is empty where it is sound.

    `size` is in bytes. `native`: of this machine's endianness. `kernel`: it describes
    `struct task_struct`, so it is a kernel's. `path` is where it was found.
    """

    wrong: str = ""
    size: int = 0
    types: int = 0
    endianness: Literal["little", "big", ""] = ""
    native: bool = False
    kernel: bool = False
    path: str = ""

    def shown(self) -> str:
        if self.wrong:
            return f"not BTF: {self.wrong}"
        whose = "a kernel's" if self.kernel else "not a kernel's (no struct task_struct)"
        where = f"{self.path}: " if self.path else ""
        return f"{where}{self.types} types, {self.size} bytes, {self.endianness} endian, {whose}"


class AskKernelBtf(Question[BtfFacts], frozen=True):
    """Whether a file is sound BTF: header, section bounds, and every type of it.

    Where the kernel shows none of its own, that of its image is looked at, as libbpf does.
    """

    path: str = VMLINUX
    asks = "kernel"

    def put(self, machine: Machine) -> BtfFacts | NoAnswer:
        return _fact(
            machine, self, BtfFacts, self._facts, lambda facts: facts.kernel, path=self.path
        )

    def _facts(self, found: Btf | BtfError) -> BtfFacts:
        if isinstance(found, BtfError):
            return BtfFacts(wrong=str(found))
        return BtfFacts(
            size=found.size,
            types=len(found),
            endianness=found.header.endianness,
            native=found.header.endianness == sys.byteorder,
            kernel=any(found.find("task_struct", (BtfKind.STRUCT,))),
            path=found.path,
        )

    def source(self) -> str:
        return self.path


class BtfKinds(Answer, frozen=True):
    """The kinds of types that some BTF holds, by name (`ENUM64`)."""

    kinds: tuple[str, ...]

    def shown(self) -> str:
        return " ".join(self.kinds)


class AskBtfKinds(Question[BtfKinds], frozen=True):
    """Which kinds of types the kernel's BTF holds: a reader that is older than one stops there."""

    path: str = VMLINUX

    asks = "kernel"

    def put(self, machine: Machine) -> BtfKinds | NoAnswer:
        return _fact(
            machine, self, BtfKinds, self._facts, lambda facts: bool(facts.kinds), path=self.path
        )

    def _facts(self, found: Btf | BtfError) -> BtfKinds | NoAnswer:
        if isinstance(found, BtfError):
            return _unsound(found)
        return BtfKinds(tuple(kind.name for kind in found.kinds()))

    def command(self) -> str:
        return f"bpftool btf dump file {self.path} | grep '^\\[' | cut -d' ' -f2 | sort -u"


class FunctionFacts(Answer, frozen=True):
    """A function by its BTF: the id to attach to and how many parameters; None, 0 without it.

    `variadic`: the last stands for any number of them.
    """

    id: int | None
    parameters: int = 0
    variadic: bool = False

    def shown(self) -> str:
        return f"FUNC {self.id}, {self.parameters} parameters" if self.id else "no such function"


class AskFunction(Question[FunctionFacts], frozen=True):
    """Whether the kernel has a function of this name that BTF describes."""

    name: str
    path: str = VMLINUX
    asks = "kernel"

    def put(self, machine: Machine) -> FunctionFacts | NoAnswer:
        return _fact(
            machine, self, FunctionFacts, self._facts, lambda facts: bool(facts.id), path=self.path
        )

    def _facts(self, found: Btf | BtfError) -> FunctionFacts | NoAnswer:
        if isinstance(found, BtfError):
            return _unsound(found)
        function = found.function(self.name)
        if not function:
            return FunctionFacts(None)
        parameters = found.parameters(function)
        return FunctionFacts(function, len(parameters), bool(parameters) and not parameters[-1])

    def command(self) -> str:
        return f"bpftool btf dump file {self.path} | grep -w \"FUNC '{self.name}'\""


class FieldFacts(Answer, frozen=True):
    """A field of a struct or union: whether each is there, and the name and kind of its type."""

    struct: bool
    field: bool = False
    type: str = ""

    @property
    def there(self) -> bool:
        """The kernel has it."""
        return self.field

    def shown(self) -> str:
        if not self.struct:
            return "no such struct or union"
        return f"field of type {self.type}" if self.field else "no such field"


class AskField(Question[FieldFacts], frozen=True):
    """Whether the kernel's struct or union of this name has this field, also in an unnamed part."""

    struct: str
    field: str
    path: str = VMLINUX
    asks = "kernel"

    def put(self, machine: Machine) -> FieldFacts | NoAnswer:
        return _fact(
            machine, self, FieldFacts, self._facts, lambda facts: facts.field, path=self.path
        )

    def _facts(self, found: Btf | BtfError) -> FieldFacts | NoAnswer:
        if isinstance(found, BtfError):
            return _unsound(found)
        structs = list(found.find(self.struct, COMPOSITE))
        for struct in structs:
            member = members_of(found, struct).get(self.field)
            if member is not None:
                return FieldFacts(True, True, described(found, member))
        return FieldFacts(bool(structs))

    def command(self) -> str:
        return f"bpftool btf dump file {self.path} format c | grep -A999 '^struct {self.struct} {{'"


class EnumeratorFacts(Answer, frozen=True):
    """Whether an enumeration is there, and the value of one of its names (None: not in it)."""

    enumeration: bool
    value: int | None = None

    @property
    def there(self) -> bool:
        """The kernel has it."""
        return self.value is not None

    def shown(self) -> str:
        if not self.enumeration:
            return "no such enumeration"
        return "not in it" if self.value is None else str(self.value)


class AskEnumerator(Question[EnumeratorFacts], frozen=True):
    """Whether the kernel's enumeration of this name has this one, such as a helper's number."""

    enumeration: str
    name: str
    path: str = VMLINUX
    asks = "kernel"

    def put(self, machine: Machine) -> EnumeratorFacts | NoAnswer:
        def there(facts: EnumeratorFacts) -> bool:
            return facts.value is not None

        return _fact(machine, self, EnumeratorFacts, self._facts, there, path=self.path)

    def _facts(self, found: Btf | BtfError) -> EnumeratorFacts | NoAnswer:
        if isinstance(found, BtfError):
            return _unsound(found)
        enumerations = list(found.find(self.enumeration, ENUMERATIONS))
        values = dict(pair for each in enumerations for pair in found.enumerators(each))
        return EnumeratorFacts(bool(enumerations), values.get(self.name))

    def command(self) -> str:
        return f"bpftool btf dump file {self.path} | grep -w {self.name}"


def described(btf: Btf, type_id: int) -> str:
    """A type in words: `struct mm_struct *`, `pid_t`, `char []`."""
    pointers = ""
    for _ in range(16):
        kind = btf.kind(type_id)
        if kind is BtfKind.PTR:
            pointers += "*"
        elif btf.name(type_id) or kind not in (BtfKind.CONST, BtfKind.VOLATILE, BtfKind.RESTRICT):
            break
        type_id = btf.refers_to(type_id)
    word = {BtfKind.STRUCT: "struct ", BtfKind.UNION: "union ", BtfKind.ENUM: "enum "}.get(kind, "")
    name = btf.name(type_id) or {BtfKind.VOID: "void"}.get(kind, kind.name.lower())
    return f"{word}{name}{' ' + pointers if pointers else ''}"


def _opened(path: str) -> Btf | BtfError | NoAnswer:
    try:
        return open_btf(path)
    except NewerBtfError as wrong:
        return NoAnswer("broken", f"newer than this reader: {wrong}")
    except BtfError as wrong:
        return wrong
    except OSError as error:
        return NoAnswer.from_error(error)
    except ValueError as error:  # a path with a NUL byte
        return NoAnswer("refused", str(error))


def _unsound(wrong: BtfError) -> NoAnswer:
    return NoAnswer("broken", f"not BTF: {wrong}")


def _fact(  # noqa: PLR0913  (each is a part of the fact)
    machine: Machine,
    question: Question[A],
    kind: type[A],
    look: Callable[[Btf | BtfError], A | NoAnswer],
    positive: Callable[[A], bool],
    *,
    path: str,
) -> A | NoAnswer:
    """What `look` finds in the BTF at `path`; the kernel's own is not read twice for one fact."""
    beginning = read_beginning(path)
    known = recall_fact(machine, question, kind, path, beginning) if beginning else None
    if known is not None:
        return known
    found = _opened(path)
    answer = found if isinstance(found, NoAnswer) else look(found)
    if beginning and isinstance(answer, kind) and positive(answer):
        keep_fact(machine, question, answer, path, beginning)
    return answer
