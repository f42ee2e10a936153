"""The question which reads of kernel memory in an object stay at a fixed offset."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bpfdoctor.host.elf.fixed_reads import FixedReads
from bpfdoctor.host.question import NoAnswer, Question
from bpfdoctor.host.remembered import remembered

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine


class AskFixedReads(Question[FixedReads], frozen=True):
    """Which reads of kernel memory in an object stay at the offset that they were compiled with.

    NoAnswer as `AskBpfObject` gives it, for a file that is no BPF object. No kernel is asked. It is
    remembered while the file is unchanged.
    """

    path: str

    asks = "tree"

    def put(self, machine: Machine) -> FixedReads | NoAnswer:
        return remembered(machine, self, FixedReads, [self.path], self._read)

    def _read(self) -> FixedReads | NoAnswer:
        from bpfdoctor.host.btf.format import BtfError  # these cost start-up time
        from bpfdoctor.host.elf.image import TooLargeError
        from bpfdoctor.host.elf.read_places import read_places
        from bpfdoctor.host.elf.section import ElfError

        try:
            return FixedReads(read_places(self.path))
        except TooLargeError as wrong:
            return NoAnswer("too-large", str(wrong))
        except (ElfError, BtfError) as wrong:
            return NoAnswer("refused", str(wrong))
        except OSError as error:
            return NoAnswer.from_error(error)
        except ValueError as error:  # a path with a NUL byte
            return NoAnswer("refused", str(error))

    def command(self) -> str:
        return f"llvm-objdump -dSl {self.path}"
