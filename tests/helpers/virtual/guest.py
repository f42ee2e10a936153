"""A guest: a small Debian user land in memory, on any of the kernels, under QEMU's emulation."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from virtual.kernels import Kernel
from virtual.libc import add_libc
from virtual.packages import HOME, Suite, alone

HERE = Path(__file__).parent
PACKAGES = """
bpftool busybox-static coreutils dash iproute2 kmod libacl1 libattr1 libblkid1 libbpf1 libbsd0
libbz2-1.0 libc6 libcap-ng0 libcap2 libdb5.3 libelf1 libexpat1 libffi8 libgcc-s1 libgmp10
libkmod2 liblzma5 libmd0 libmnl0 libmount1 libpcre2-8-0 libpython3.11-minimal
libpython3.11-stdlib libselinux1 libsmartcols1 libssl3 libtinfo6 libuuid1 libxtables12
libzstd1 python3-minimal python3.11 python3.11-minimal util-linux util-linux-extra zlib1g
"""
"""Bookworm's, whatever the kernel: Python 3.11, bpftool, ip, and what changes circumstances."""

CPU = "qemu64,-cx16,+ssse3,+sse4.1,+sse4.2,+popcnt,+rdrand"
"""Without cx16: QEMU 7.2's emulation corrupts flags after cmpxchg16b, and 6.12 dies of it."""

USERS = "root:x:0:0::/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\n"
OS_RELEASE = 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian 12 (guest)"\n'

RESULT = re.compile(rb"@@RESULT ([A-Za-z0-9+/=]+) @@END")


@dataclass(frozen=True)
class Ran:
    """What one command did in a guest; `status` is None when its time ran out."""

    status: int | None
    stdout: str
    stderr: str


def root() -> Path:
    """The packed root of every guest, built once: an initial ramdisk without a kernel's files."""
    with alone():
        return _root()


def _root() -> Path:
    packed = HOME / "root.cpio"
    makers = ("guest.py", "guest_init.sh", "guest_run.py", "libc.py")
    stamp = max((HERE / name).stat().st_mtime for name in makers)
    if packed.exists() and packed.stat().st_mtime > stamp:
        return packed
    place = HOME / "root"
    shutil.rmtree(place, ignore_errors=True)
    for name in ("usr/bin", "usr/sbin", "usr/lib", "usr/lib64", *_EMPTY):
        (place / name).mkdir(parents=True)
    for name in ("bin", "sbin", "lib", "lib64"):
        (place / name).symlink_to(f"usr/{name}")
    Suite("bookworm").unpack(PACKAGES.split(), place)
    add_libc(place)
    _finish(place)
    pack(place, packed)
    return packed


_EMPTY = ("proc", "sys", "dev", "run", "tmp", "root", "etc", "boot", "guest", "home/user", "mnt")


def _finish(place: Path) -> None:
    shutil.copy(HERE / "guest_init.sh", place / "init")
    shutil.copy(HERE / "guest_run.py", place / "guest_run.py")
    (place / "init").chmod(0o755)
    (place / "etc/passwd").write_text(USERS)
    (place / "etc/group").write_text("root:x:0:\nuser:x:1000:\n")
    (place / "etc/os-release").write_text(OS_RELEASE)
    os.chown(place / "home/user", 1000, 1000)
    sh = place / "usr/bin/sh"
    sh.unlink(missing_ok=True)
    sh.symlink_to("dash")
    busybox = place / "usr/bin/busybox"
    for applet in subprocess.run(
        [busybox, "--list"], capture_output=True, text=True, check=True
    ).stdout.split():
        if not any((place / d / applet).exists() for d in ("usr/bin", "usr/sbin")):
            (place / "usr/bin" / applet).symlink_to("busybox")
    for heavy in ("share/doc", "share/man", "share/locale", "lib/python3.11/test"):
        shutil.rmtree(place / "usr" / heavy, ignore_errors=True)
    os.mknod(place / "dev/console", 0o600 | 0o020000, os.makedev(5, 1))
    os.mknod(place / "dev/null", 0o666 | 0o020000, os.makedev(1, 3))


def pack(tree: Path, target: Path) -> None:
    """A directory as a ramdisk; several may be joined end to end."""
    find = ["find", ".", "-mindepth", "1", "-print0"]
    names = subprocess.run(find, cwd=tree, capture_output=True, check=True).stdout
    copy = ["cpio", "-o", "-0", "-H", "newc", "--quiet"]
    partial = target.with_suffix(".partial")
    with partial.open("wb") as out:
        subprocess.run(copy, cwd=tree, input=names, stdout=out, check=True)
    partial.rename(target)


def boot(
    kernel: Kernel,
    work: Path,
    commands: Sequence[Sequence[str]],
    *,
    append: str = "",
    seconds: float = 240,
) -> list[Ran]:
    """Boot, run each command in /guest (a copy of `work`), and return what each did."""
    with tempfile.TemporaryDirectory(prefix="bpfdoctor-vm-") as name:
        place = Path(name)
        ramdisk = _ramdisk(place, kernel, work, commands, seconds)
        console, results = place / "console", place / "results"
        argv = [
            "qemu-system-x86_64", "-accel", "tcg", "-machine", "pc", "-cpu", CPU, "-m", "1024",
            "-display", "none", "-nodefaults", "-no-reboot", "-kernel", str(kernel.image),
            "-initrd", str(ramdisk), "-serial", f"file:{console}", "-serial", f"file:{results}",
            "-append", f"console=ttyS0 panic=-1 loglevel=4 random.trust_cpu=on {append}",
        ]  # fmt: skip
        with contextlib.suppress(subprocess.TimeoutExpired):
            subprocess.run(argv, stdin=subprocess.DEVNULL, timeout=seconds, check=False)
        found = [_result(each[1]) for each in RESULT.finditer(results.read_bytes())]
        tail = console.read_text(errors="replace")[-3000:]
    assert found, f"the guest on {kernel.release} ended without a result:\n{tail}"
    late = Ran(None, "", f"the guest ended before, or its time of {seconds:g} s ran out")
    return found + [late] * (len(commands) - len(found))


def _result(line: bytes) -> Ran:
    return Ran(**json.loads(zlib.decompress(base64.b64decode(line))))


def _ramdisk(
    place: Path, kernel: Kernel, work: Path, commands: Sequence[Sequence[str]], seconds: float
) -> Path:
    """The root, the kernel's files, and this run's: joined, as the kernel unpacks them in order."""
    own = place / "own"
    (own / "guest").mkdir(parents=True)
    shutil.copytree(work, own / "guest", dirs_exist_ok=True, symlinks=True)
    (own / "guest").chmod(0o755)  # a test's directory is closed to the guest's ordinary user
    asked = [{"argv": list(argv), "seconds": seconds / 2} for argv in commands]
    (own / "commands.json").write_text(json.dumps(asked))
    pack(own, place / "own.cpio")
    pack(kernel.tree, place / "kernel.cpio")
    ramdisk = place / "initrd"
    with ramdisk.open("wb") as out:
        for part in (root(), place / "kernel.cpio", place / "own.cpio"):
            with part.open("rb") as piece:
                shutil.copyfileobj(piece, out, 1 << 20)
    return ramdisk
