"""Questions about a compiled BPF object: what it needs, and what this kernel's BTF says of that.

Two in one is `AskBpfObject`. Apart, the object is read where it is, and held against any kernel.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from bpfdoctor.host.btf.file import VMLINUX, modules_have_btf, read_beginning
from bpfdoctor.host.btf.format import BtfError
from bpfdoctor.host.elf.bpf_object import BpfObject
from bpfdoctor.host.elf.externs import kprobes_are_offered
from bpfdoctor.host.elf.image import TooLargeError
from bpfdoctor.host.elf.kernel_match import KernelMatch, match_of, of_itself
from bpfdoctor.host.elf.section import ElfError
from bpfdoctor.host.question import Answer, NoAnswer, Question
from bpfdoctor.host.reading import NotRegularError
from bpfdoctor.host.remembered import remembered
from bpfdoctor.host.system.booted import keep_fact, recall_fact

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine


NO_KERNEL = ""
"""In the place of a file of BTF: the object alone is read, and no kernel is asked."""


class ReadObject(Question[BpfObject], frozen=True):
    """The programs, maps, helpers and CO-RE relocations of an object; no kernel is asked.

    NoAnswer `refused` with a sentence for a file that is no BPF object. It is remembered while the
    file is unchanged.
    """

    path: str
    asks = "tree"

    def put(self, machine: Machine) -> BpfObject | NoAnswer:
        return remembered(
            machine, self, BpfObject, [self.path], lambda: _read(self.path, NO_KERNEL)
        )

    def command(self) -> str:
        return f"llvm-readelf -S -s -r {self.path}"


class MatchBtf(Question[KernelMatch], frozen=True):
    """What the kernel whose BTF is at `btf` adds to the object at `path`: what it lacks for it.

    NoAnswer as `ReadObject`. It is remembered while the object is unchanged and the kernel runs.
    """

    path: str
    btf: str = VMLINUX
    asks = "kernel"

    def about(self) -> ReadObject:
        return ReadObject(self.path)

    def put(self, machine: Machine) -> KernelMatch | NoAnswer:
        since, beginning = time.time_ns(), _circumstances(self.btf)
        try:
            asked = MatchBtf(os.path.abspath(self.path), self.btf)
        except OSError:  # no working directory
            beginning = b""
        if not beginning:
            return self._matched()
        known = recall_fact(machine, asked, KernelMatch, self.btf, beginning)
        if known is not None:
            return known
        found = self._matched()
        same = _circumstances(self.btf) == beginning
        if same and isinstance(found, KernelMatch) and found.kernel_btf:
            object_file = [asked.path]
            keep_fact(machine, asked, found, self.btf, beginning, rests_on=object_file, since=since)
        return found

    def _matched(self) -> KernelMatch | NoAnswer:
        found = _read(self.path, self.btf)
        return found if isinstance(found, NoAnswer) else match_of(found)

    def command(self) -> str:
        return f"bpftool gen min_core_btf {self.btf} /dev/null {self.path}"


class AskBpfObject(Question[BpfObject], frozen=True):
    """`ReadObject` and `MatchBtf` in one: an object, and which of its programs would fail here.

    `btf` is the file that holds the kernel's BTF, or `NO_KERNEL`.
    """

    path: str
    btf: str = VMLINUX
    asks = "kernel"

    def about(self) -> ReadObject:
        return ReadObject(self.path)

    def unmatched(self, thing: Answer) -> Answer:
        return thing  # the object alone

    def apart(self, answer: Answer) -> dict[Question[Any], Answer]:
        alone, match = ReadObject(self.path), MatchBtf(self.path, self.btf)
        if not isinstance(answer, BpfObject):
            return {alone: answer, match: answer}
        return {alone: of_itself(answer), match: match_of(answer)}

    def put(self, machine: Machine) -> BpfObject | NoAnswer:
        return _read(self.path, self.btf)

    def command(self) -> str:
        return f"llvm-readelf -S -s -r {self.path}"


def _circumstances(btf: str) -> bytes:
    """What else than the object decides the answer, read anew; empty where that is no BTF.

    Lockdown may come while a kernel runs, and end kprobes.
    """
    beginning = read_beginning(btf)
    return beginning and beginning + bytes((modules_have_btf(btf), kprobes_are_offered()))


def _read(path: str, btf: str) -> BpfObject | NoAnswer:
    from bpfdoctor.host.elf.bpf_reader import read_object  # costs start-up time

    try:
        return read_object(path, btf or None)
    except TooLargeError as wrong:
        return NoAnswer("too-large", str(wrong))
    except (ElfError, BtfError) as wrong:
        return NoAnswer("refused", str(wrong))
    except NotRegularError as error:
        return NoAnswer("refused", f"it is {error.strerror}")
    except OSError as error:
        return NoAnswer.from_error(error)
    except ValueError as error:  # a path with a NUL byte
        return NoAnswer("refused", str(error))
