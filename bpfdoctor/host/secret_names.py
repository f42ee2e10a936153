"""Names of what should stay secret, and names of variables that are known to steer builds."""

from __future__ import annotations

import re

SECRET = "$SECRET"  # noqa: S105  (it stands for one)
"""Stands in the place of a value that nobody else should see."""

_STRONG = re.compile(
    r"token(?!iz)|secret|passw(?:or)?d|passphrase|credential|api_?key|access_?key|private_?key"
    r"|webhook|machine_?id|auth_?key|connection_?string|bearer"
)
"""Parts of names whose values are secret wherever they stand in the name."""

_LAST = """
key keys auth authorization pass pwd cred creds pin psk salt session sessionid dsn serial
ssid essid jwt otp sig signature
"""
_WEAK = frozenset(_LAST.split())
"""Last parts of names whose values are secret, unless they are a number or the like."""

_NOT_SECRET = frozenset(("PWD", "OLDPWD"))
"""The working directory."""

_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


_ABOUT = ("_fd", "_file", "_path", "_dir", "_size", "_len", "_length", "_count", "_type", "_create")
"""Ends of names that tell of a secret, and do not hold it. BPF has tokens too: `token_fd`."""


def is_strongly_secret(name: str) -> bool:
    """Whether hardly anything but a secret has such a name (`GITHUB_TOKEN`, `api-key`)."""
    words = name.lower().replace("-", "_").replace(".", "_")
    return not words.endswith(_ABOUT) and _STRONG.search(words) is not None


def is_secret_name(name: str) -> bool:
    """Whether the value of such a name may be a secret (`SIGNING_KEY`, `authToken`)."""
    if is_strongly_secret(name):
        return True
    parts = [part.lower() for part in _PARTS.findall(name[-80:])]
    if not parts or name in _NOT_SECRET:
        return False
    return parts[-1] in _WEAK


_FLAGS = """
y m n yes no true false on off none null nil enabled disabled default auto set unset
"""
_SAYS_NOTHING = frozenset(_FLAGS.split())
_NUMBER = re.compile(r"0x[0-9a-f]{1,8}|\d{1,6}", re.IGNORECASE)
_REFERENCE = re.compile(r"\$?\$(?:\w+|\(\w+\)|\{\w+\})|@\w+@")


def says_nothing(value: str, *, strong: bool) -> bool:
    """Whether a value is a flag, a reference or, where the name is not a `strong` one, a number."""
    bare = value.strip().strip("'\"\\")
    if not bare or bare.lower() in _SAYS_NOTHING or _REFERENCE.fullmatch(bare):
        return True
    return _NUMBER.fullmatch(bare) is not None and (not strong or len(bare) <= 2)


_STEERING = re.compile(
    r"(?:HOST_?|BUILD_?|TARGET_?|BPF_?|USER|EXTRA_?|KERNEL_?|K|MY_?)?"
    r"(?:CC|CXX|CPP|LD|AR|AS|NM|CLANG|LLC|OPT|GCC|STRIP|OBJCOPY|OBJDUMP|READELF|RANLIB|MAKE|CARGO"
    r"|RUSTC|PYTHON3?|PAHOLE|BPFTOOL|LLVM_\w+|\w*FLAGS|ARCH|SUBARCH|MACHINE|SHELL|INSTALL|SED|AWK"
    r"|PKG_CONFIG\w*|LDLIBS|LIBS|INCLUDES?|VERSION|RELEASE|DIR|SRC|SOURCE|HEADERS|OUTPUT)"
    r"|(?:LIBBPF|BPFTOOL|VMLINUX|KERNEL|KDIR|KBUILD|KSRC|LIBBLAZESYM|LLVM|CLANG|BPF|BTF)(?:_\w+)?"
    r"|CROSS_COMPILE|APPS\w*|PROGRAMS|TOOLS|V|Q|VERBOSE|DEBUG|SANITIZE|STATIC|O|D|S|DESTDIR|PREFIX"
    r"|\w*(?:BIN|LIB|INCLUDE|SYSCONF|DATA|MAN|BUILD|OUTPUT|OUT|SRC|OBJ|TOP|ROOT)_?(?:DIR|PATH)?"
    r"|PATH|HOME|PWD|USER|LOGNAME|TMPDIR|LANG|LC_\w+|HOSTNAME|HOSTTYPE|OSTYPE|OS|TERM|CI"
    r"|MAKEFILES|MAKEFLAGS|GNUMAKEFLAGS|MAKELEVEL|CPATH|C_INCLUDE_PATH|LIBRARY_PATH|PROGRAMFILES"
    r"|LD_LIBRARY_PATH|LD_RUN_PATH|SOURCE_DATE_EPOCH|lib|prefix|bindir|libdir|includedir|srctree"
)
"""Variables that makefiles take from whoever builds: tools, flags, places, words of make."""


def steers_builds(name: str) -> bool:
    """Whether an untrusted makefile may learn, and a report hold, what this variable is set to."""
    return _STEERING.fullmatch(name) is not None and not is_secret_name(name)
