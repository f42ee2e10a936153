"""Questions about the options that the running kernel was built with."""

from __future__ import annotations

import gzip
import os
import re
import threading
import zlib
from typing import TYPE_CHECKING

import msgspec

from bpfdoctor.host.question import Answer, NoAnswer, Question, errno_name

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine

PLACES = (
    "/proc/config.gz",
    "/boot/config-{release}",
    "/lib/modules/{release}/config",
    "/usr/lib/modules/{release}/config",
)
"""Where a kernel's configuration is: its own word first (CONFIG_IKCONFIG_PROC), then files."""

SIZE_LIMIT = 4 << 20
"""Bytes read at most; distributions have about 250,000."""


class KernelOption(Answer, frozen=True):
    """One option. `value` is `y`, `m`, `n`, or what was set; an option not mentioned is `n`.

    `path` is where it was read; `version` the kernel that the file says it is of, or empty.
    """

    value: str
    path: str
    version: str = ""

    def shown(self) -> str:
        return f"{self.value} in {self.path}" + (f" (of Linux {self.version})" * bool(self.version))


class AskKernelOption(Question[KernelOption], frozen=True):
    """The value of one option, from the first place that can be read.

    Without a readable place: NoAnswer with `EACCES` where one exists and may not be read, else
    `ENOENT`; the detail names them all.
    """

    name: str
    privileged = True
    asks = "kernel"

    def put(self, machine: Machine) -> KernelOption | NoAnswer:
        config = _running_config()
        if isinstance(config, NoAnswer):
            return config
        return KernelOption(config.values.get(self.name, "n"), config.path, config.version)

    def source(self) -> str:
        return f"{self.name} in the kernel's configuration"


class Config(msgspec.Struct, frozen=True):
    """A kernel configuration: where it was, which kernel it names, and what it sets."""

    path: str
    version: str
    values: dict[str, str]


_read: list[Config | NoAnswer] = []
_reading = threading.Lock()


def _running_config() -> Config | NoAnswer:
    """The configuration of the running kernel, read once."""
    with _reading:
        if not _read:
            _read.append(read_config(places(os.uname().release)))
        return _read[0]


def places(release: str) -> tuple[str, ...]:
    """Where the configuration of this release may be, in the order in which they are believed."""
    return tuple(place.format(release=release) for place in PLACES)


def read_config(paths: tuple[str, ...]) -> Config | NoAnswer:
    """The first that can be read and sets anything; else why each could not."""
    refused: dict[str, str] = {}
    for path in paths:
        try:
            opener = gzip.open if path.endswith(".gz") else open
            with opener(path, "rb") as file:
                config = parsed(path, file.read(SIZE_LIMIT).decode(errors="backslashreplace"))
        except OSError as error:  # BadGzipFile is one, without a number
            refused[path] = errno_name(error.errno) if error.errno else str(error)
        except (EOFError, zlib.error) as error:
            refused[path] = str(error)
        else:
            if config.values:
                return config
            refused[path] = "sets no option"
    detail = ", ".join(f"{path}: {why}" for path, why in refused.items())
    return NoAnswer("EACCES" if "EACCES" in refused.values() else "ENOENT", detail)


def parsed(path: str, text: str) -> Config:
    """What a configuration sets. An option that is said not to be set is `n`."""
    values = dict(re.findall(r"^(CONFIG_\w+)=(.*)$", text, re.MULTILINE))
    values.update((name, "n") for name in re.findall(r"^# (CONFIG_\w+) is not set$", text, re.M))
    version = re.search(r"^# Linux/\S+ (\S+) Kernel Configuration", text, re.MULTILINE)
    return Config(path, version[1] if version else "", values)
