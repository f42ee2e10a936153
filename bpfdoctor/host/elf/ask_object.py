"""The question what a compiled BPF object needs, held against this kernel's BTF."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bpfdoctor.host.btf.file import VMLINUX
from bpfdoctor.host.btf.format import BtfError
from bpfdoctor.host.elf.bpf_object import BpfObject
from bpfdoctor.host.elf.image import TooLargeError
from bpfdoctor.host.elf.section import ElfError
from bpfdoctor.host.question import NoAnswer, Question
from bpfdoctor.host.reading import NotRegularError

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine


NO_KERNEL = ""
"""In the place of a file of BTF: the object alone is read, and no kernel is asked."""


class AskBpfObject(Question[BpfObject], frozen=True):
    """The programs, maps, helpers and CO-RE relocations of an object, and which would fail here.

    NoAnswer `refused` with a sentence for a file that is no BPF object. `btf` is the file that
    holds the kernel's BTF, or `NO_KERNEL`.
    """

    path: str
    btf: str = VMLINUX

    def put(self, machine: Machine) -> BpfObject | NoAnswer:
        from bpfdoctor.host.elf.bpf_reader import read_object  # costs start-up time

        try:
            return read_object(self.path, self.btf or None)
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

    def command(self) -> str:
        return f"llvm-readelf -S -s -r {self.path}"
