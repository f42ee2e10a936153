"""Degraded circumstances: what a guest takes away before a command runs in it.

Each is a wrapper around an argument list, so that one boot can run many of them, or a line for the
kernel's command line, which takes a boot of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from virtual.libc import COVER

DOCKER = (
    "chown", "dac_override", "fowner", "fsetid", "kill", "setgid", "setuid", "setpcap",
    "net_bind_service", "net_raw", "sys_chroot", "mknod", "audit_write", "setfcap",
)  # fmt: skip
"""What Docker leaves a container's root (moby, oci/caps/defaults.go), by setpriv(1)'s names."""

USER = ("setpriv", "--reuid=1000", "--regid=1000", "--clear-groups")
"""Become the guest's ordinary user."""


@dataclass(frozen=True)
class Circumstance:
    """What surrounds a command: `wrapper` before its words, `append` on the kernel's command line.

    `home` is a directory that the command may write to. `open` when nothing is in the way of root:
    then no answer may be `unknown`.
    """

    name: str
    wrapper: tuple[str, ...] = ()
    append: str = ""
    home: str = "/root"
    open: bool = True

    def around(self, argv: Sequence[str]) -> tuple[str, ...]:
        """`argv` in these circumstances."""
        return (*self.wrapper, "env", f"HOME={self.home}", *argv)


def _in_mounts(script: str) -> tuple[str, ...]:
    """A mount namespace of the command's own, changed by a script."""
    inside = f'{script}; exec "$@"'
    return ("unshare", "--mount", "--propagation=private", "sh", "-c", inside, "sh")


def _capabilities(names: Sequence[str], *, ambient: bool = False) -> tuple[str, ...]:
    wanted = ",".join(("-all", *(f"+{name}" for name in names)))
    if ambient:
        return (*USER, f"--inh-caps={wanted}", f"--ambient-caps={wanted}")
    return ("setpriv", "--inh-caps=-all", f"--bounding-set={wanted}")


_NO_TRACEFS = (
    "umount -l /sys/kernel/debug/tracing 2>/dev/null; umount -l /sys/kernel/debug; "
    "umount -l /sys/kernel/tracing"
)
_NO_CONFIG = (
    "mount -t tmpfs tmpfs /boot; for each in /usr/lib/modules/*/config; do "
    '[ -e "$each" ] && mount --bind /dev/null "$each"; done'
)
_LITTLE_MEMLOCK = ("prlimit", "--memlock=65536:65536")
_PID_NAMESPACE = ("unshare", "--pid", "--fork", "--mount-proc", "sh", "-c", '"$@"; exit $?', "sh")


def _between(before: str, after: str) -> tuple[str, ...]:
    """What is changed for the whole machine, as root, and changed back when the command ends."""
    return ("sh", "-c", f'{before}; "$@"; status=$?; {after}; exit $status', "sh")


def _kept_out(line: str) -> tuple[str, ...]:
    """With a line in modprobe.d, and the modules of tc not loaded."""
    file = "/etc/modprobe.d/kept-out.conf"
    before = f"{_NOT_LOADED}; mkdir -p /etc/modprobe.d; printf '{line}' > {file}"
    return _between(before, f"rm {file}")


def _paranoid(value: int) -> tuple[str, ...]:
    """With this perf_event_paranoid; Debian's is 3."""
    setting = "/proc/sys/kernel/perf_event_paranoid"
    return _between(f"echo {value} > {setting}", f"echo 3 > {setting}")


_NOT_LOADED = "rmmod act_bpf cls_bpf sch_ingress 2> /dev/null"
_TRACING = "/sys/kernel/tracing/tracing_on"
_MODPROBE = "/proc/sys/kernel/modprobe"
_LISTED = _between(
    "mount -o remount,mode=755 /sys/kernel/tracing", "mount -o remount,mode=700 /sys/kernel/tracing"
)
_FULL = (
    "mount -t tmpfs -o size=4k tmpfs /tmp; dd if=/dev/zero of=/tmp/full bs=4k count=1 2> /dev/null"
)
_HALF_ROOT = (*DOCKER, "bpf", "perfmon", "net_admin", "sys_resource")
"""All but CAP_SYS_ADMIN of what BPF programs take, and network namespaces to try tc in."""

CIRCUMSTANCES = {
    each.name: each
    for each in (
        Circumstance("base"),
        Circumstance("no-tracefs", _in_mounts(_NO_TRACEFS)),
        Circumstance("no-btf", _in_mounts("mount -t tmpfs -o ro tmpfs /sys/kernel/btf")),
        Circumstance("no-config", _in_mounts(_NO_CONFIG)),
        Circumstance("pid-namespace", _PID_NAMESPACE),
        Circumstance("memlock-64k", _LITTLE_MEMLOCK),
        Circumstance(
            "memlock-64k-for-good",
            (*_LITTLE_MEMLOCK, "setpriv", "--inh-caps=-all", "--bounding-set=-sys_resource"),
        ),
        Circumstance("docker", _capabilities(DOCKER)),
        Circumstance("user", (*USER, "--inh-caps=-all"), home="/home/user", open=False),
        Circumstance(
            "user-with-capabilities",
            _capabilities(("bpf", "perfmon"), ambient=True),
            home="/home/user",
            open=False,
        ),
        Circumstance(
            "user-namespace",
            (*USER, "--inh-caps=-all", "unshare", "--user", "--map-root-user"),
            home="/home/user",
        ),
        Circumstance("libc-with-probes", _in_mounts(COVER)),
        Circumstance("tracing-off", _between(f"echo 0 > {_TRACING}", f"echo 1 > {_TRACING}")),
        Circumstance("module-by-false", _kept_out("install cls_bpf /bin/false\\n")),
        Circumstance(
            "module-blacklisted", _kept_out("blacklist cls_bpf\\nblacklist sch_ingress\\n")
        ),
        Circumstance(
            "no-modprobe",
            _between(f"{_NOT_LOADED}; echo > {_MODPROBE}", f"echo /sbin/modprobe > {_MODPROBE}"),
        ),
        Circumstance(
            "tracefs-listed", (*_LISTED, *USER, "--inh-caps=-all"), home="/home/user", open=False
        ),
        Circumstance("paranoid-3", (*_paranoid(3), *_capabilities(_HALF_ROOT)), open=False),
        Circumstance("paranoid-2", (*_paranoid(2), *_capabilities(_HALF_ROOT)), open=False),
        # A function that the kernel's BTF has not may be a module's: only kallsyms tells.
        Circumstance(
            "no-kallsyms", _in_mounts("mount --bind /dev/null /proc/kallsyms"), open=False
        ),
        Circumstance("tmp-read-only", _in_mounts("mount -t tmpfs -o ro tmpfs /tmp")),
        Circumstance("tmp-full", _in_mounts(_FULL)),
    )
}
"""Those that share a boot, by name."""

COMMAND_LINES = {
    each.name: each
    for each in (
        Circumstance("lockdown", append="lockdown=confidentiality", open=False),
        Circumstance("lsm-with-bpf", append="lsm=lockdown,yama,bpf"),
        Circumstance("lsm-without-bpf", append="lsm=lockdown,yama"),
    )
}
"""Those that take a boot of their own, by name."""


def _switched(file: str) -> tuple[str, ...]:
    """With a switch of the kernel's at 0, and at 1 again afterwards."""
    script = f'echo 0 > {file}; "$@"; status=$?; echo 1 > {file}; exit $status'
    return ("sh", "-c", script, "sh")


FIRING = {
    each.name: each
    for each in (
        Circumstance("kprobes-off", _switched("/sys/kernel/debug/kprobes/enabled")),
        Circumstance("lo-down", ("unshare", "--net")),
        Circumstance("tracer-off", _switched("/proc/sys/kernel/ftrace_enabled")),
    )
}
"""In which programs attach and stay silent. What attaches while the tracer is off may break it till
the next boot: so nothing comes after that in a boot of programs that are run."""
