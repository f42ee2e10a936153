"""What a command gets of the user's environment; as another user, named variables alone."""

from __future__ import annotations

import pwd
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bpfdoctor.host.credentials import Credentials

OF_MAKE = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKEOVERRIDES")
"""Variables by which make tells its sub-makes how it was called."""

_PASSED_ON = re.compile(
    # of every process: where programs are, the language, the terminal, the time
    r"PATH|LANG|LANGUAGE|LC_\w+|TERM|COLUMNS|LINES|NO_COLOR|TZ|SOURCE_DATE_EPOCH"
    # what makefiles and their tools are steered by, which would change what is built
    r"|(?:HOST|BUILD_|TARGET_)?(?:CC|CXX|LD|AR|AS|NM|STRIP|OBJCOPY|OBJDUMP|RANLIB)"
    r"|CLANG|LLC|LLVM|LLVM_\w+|BPFTOOL|BPFTOOL_\w+|PKG_CONFIG|PKG_CONFIG_\w+|MAKE|MAKEFLAGS"
    r"|(?:EXTRA_|HOST|USER|BPF_|KBUILD_)?(?:C|CPP|CXX|LD|AS|AR|MAKE)FLAGS|LDLIBS|LOADLIBES"
    r"|ARCH|SRCARCH|SUBARCH|CROSS_COMPILE|V|Q|DEBUG|VMLINUX\w*|USE_BLAZESYM|DESTDIR|PREFIX"
    r"|CPATH|C_INCLUDE_PATH|CPLUS_INCLUDE_PATH|LIBRARY_PATH|COMPILER_PATH|LD_LIBRARY_PATH"
    r"|GCC_EXEC_PREFIX|CCC_OVERRIDE_OPTIONS|SYSROOT|RUSTFLAGS|CARGO_TARGET_DIR|RUSTUP_TOOLCHAIN"
)
"""The variables that a command gets which runs as another user: nothing that could be a key."""

_PROXY = re.compile(r"(?:https?|ftp|all|no)_proxy", re.IGNORECASE)


def outside_make(environ: Mapping[str, str]) -> dict[str, str]:
    """The user's environment; what a make that started us says to its sub-makes is left out."""
    dropped = OF_MAKE if "MAKELEVEL" in environ else ()
    return {name: value for name, value in environ.items() if name not in dropped}


def child_environment(
    environ: Mapping[str, str], identity: Credentials | None = None
) -> dict[str, str]:
    """The user's environment without what would steer git, and with untranslated output.

    A command that runs as another user gets named variables alone, and that user's home and name:
    root's tokens, agents and keys are none of his.
    """
    users = outside_make(environ)
    kept = {name: value for name, value in users.items() if not name.startswith("GIT_")}
    if identity is not None:
        kept = {name: value for name, value in kept.items() if _is_passed_on(name, value)}
        kept |= _account(identity.uid)
    return {**kept, "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"}


def _is_passed_on(name: str, value: str) -> bool:
    """Whether another user's command gets a variable: a proxy too, unless it holds a login."""
    return bool(_PASSED_ON.fullmatch(name) or (_PROXY.fullmatch(name) and "@" not in value))


def _account(uid: int) -> dict[str, str]:
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        return {"HOME": home_of(uid)}
    return {"HOME": home_of(uid), "USER": name, "LOGNAME": name}


def home_of(uid: int) -> str:
    """The home directory of a user; a path that does not exist where the user has none."""
    try:
        return pwd.getpwuid(uid).pw_dir
    except KeyError:
        return "/nonexistent"
