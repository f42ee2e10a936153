"""apk for real, where there is one: its own solver on a small signed repository with true names."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.roots, pytest.mark.apk]
DRIVE = Path(__file__).with_name("drive.py")
NAMES = ("clang", "llvm-libs", "build-base", "make", "elfutils-dev", "zlib-dev", "musl", "bpftool")


def part(**files: bytes) -> bytes:
    """A gzipped tar without its end: apk's packages and signatures are such parts in a row."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
        length = archive.offset
    return gzip.compress(plain.getvalue()[:length])


def package(name: str, depends: str = "") -> bytes:
    """A package with one file."""
    data = gzip.compress(_ended(**{f"usr/share/{name}": b"x"}))
    lines = [
        f"pkgname = {name}",
        "pkgver = 19.1.0-r0",
        "pkgdesc = x",
        "arch = x86_64",
        "size = 1",
        "license = x",
        *([f"depend = {depends}"] if depends else []),
        f"datahash = {hashlib.sha256(data).hexdigest()}",
    ]
    return part(**{".PKGINFO": ("\n".join(lines) + "\n").encode()}) + data


def _ended(**files: bytes) -> bytes:
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for directory in ("usr", "usr/share"):
            entry = tarfile.TarInfo(directory)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(entry)
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            entry.pax_headers = {"APK-TOOLS.checksum.SHA1": hashlib.sha1(data).hexdigest()}
            archive.addfile(entry, io.BytesIO(data))
    return plain.getvalue()


@pytest.fixture
def alpine(make_root: Callable[..., Any], tmp_path: Path) -> Any:
    """A root that calls itself Alpine, with a static apk and one signed repository."""
    binary = os.environ.get("BPFDOCTOR_APK") or shutil.which("apk")
    if binary is None:
        pytest.skip("needs a static apk of apk-tools 2: set BPFDOCTOR_APK to its path")
    root = make_root("bookworm")
    target = root.inside("/etc/os-release")
    target.unlink()
    target.write_text("ID=alpine\nVERSION_ID=3.22.1\nPRETTY_NAME='Alpine Linux v3.22'\n")
    shutil.copy(DRIVE, root.inside("/opt/drive.py"))
    shutil.copy(binary, root.inside("/sbin/apk"))
    place = root.inside("/srv/repository/x86_64")
    place.mkdir(parents=True)
    for name in NAMES:
        depends = "llvm-libs" if name == "clang" else ""
        (place / f"{name}-19.1.0-r0.apk").write_bytes(package(name, depends))
    root.must("apk", "add", "--initdb", "--root", "/", "--no-network")
    files = [f"/srv/repository/x86_64/{name}-19.1.0-r0.apk" for name in NAMES]
    unsigned = "/srv/repository/unsigned.tar.gz"
    root.must("apk", "index", "--allow-untrusted", "-q", "-o", unsigned, *files)
    _sign(root, root.inside(unsigned), place / "APKINDEX.tar.gz", tmp_path)
    root.inside("/etc/apk/repositories").write_text("/srv/repository\n")
    return root


def _sign(root: Any, unsigned: Path, target: Path, tmp_path: Path) -> None:
    """As abuild-sign does: an RSA signature of the index, before it."""
    key, public = tmp_path / "key", root.inside("/etc/apk/keys/test.rsa.pub")
    public.parent.mkdir(exist_ok=True)
    subprocess.run(["openssl", "genrsa", "-out", str(key), "2048"], check=True, capture_output=True)
    argv = ["openssl", "rsa", "-in", str(key), "-pubout", "-out", str(public)]
    subprocess.run(argv, check=True, capture_output=True)
    argv = ["openssl", "dgst", "-sha1", "-sign", str(key), str(unsigned)]
    signature = subprocess.run(argv, check=True, capture_output=True).stdout
    target.write_bytes(part(**{".SIGN.RSA.test.rsa.pub": signature}) + unsigned.read_bytes())


def drive(root: Any, *arguments: str) -> Any:
    ended = root.run("/opt/bpfdoctor/bin/python", "/opt/drive.py", *arguments)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return json.loads(ended.stdout or "{}")


def test_apk(alpine: Any) -> None:
    names = ["clang", "build-base", "elfutils-dev", "zlib-dev", "bpftool"]
    wanted = ("clang>=11", "make", "libelf-headers", "zlib-headers", "bpftool")
    outcome = drive(alpine, "apply", *wanted)
    assert [step["id"] for step in outcome["plan"]["steps"]] == ["packages"]  # read as a file
    assert outcome["plan"]["steps"][-1]["argv"] == ["apk", "add", *names]
    assert all(each["result"] == "done" for each in outcome["applied"]["done"]), outcome
    assert set(alpine.must("apk", "info", "-q").split()) == {*names, "llvm-libs"}
    assert drive(alpine, "plan", *wanted)["plan"]["steps"] == []
    absent = drive(alpine, "plan", "libbpf-headers")["plan"]["manual"][0]["text"]
    assert "libbpf-dev is not in the lists of apk" in absent
    drive(alpine, "undo")
    assert alpine.must("apk", "info", "-q") == ""
