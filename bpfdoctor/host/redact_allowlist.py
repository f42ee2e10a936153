"""Names that everybody has and hosts that everybody knows: redaction leaves them as they are."""

from __future__ import annotations

_COMMON_NAMES = """
root user users admin administrator adm nobody nogroup daemon bin sys sync games man mail news
www-data www backup list operator guest test tester build builder buildd runner ci git docker
vagrant container default me dev developer app staff wheel sudo service server host hostname
localhost localdomain local machine computer laptop desktop box node worker master main debian
ubuntu fedora centos rhel rocky alma almalinux arch archlinux manjaro alpine suse opensuse gentoo
nixos void amazon azure ec2-user core coreos wsl linux kernel kernels boot etc home tmp var usr
lib lib64 src opt proc run dev mnt media srv share include local libexec clang llvm gcc make cmake
cargo rust python python3 perl bash shell bpf ebpf libbpf bpftool bpfdoctor btf libc glibc musl
zlib libelf elf vmlinux minimal bootstrap examples project checkout cache file directory link
other none pass fail warn skip error unknown ready build load attach fires trace tracefs debug
bpfdoctor.toml makefile gnumakefile cargo.toml cargo.lock linuxbrew runner
scratch x86 x86_64 amd64 arm64 aarch64 true false yes no not and the of is at to
"""
COMMON = frozenset(_COMMON_NAMES.split())
"""Names that identify nobody, or whose every other use in a report means something else."""

_PUBLIC_HOSTS = """
github.com githubusercontent.com gitlab.com bitbucket.org kernel.org debian.org ubuntu.com
launchpad.net fedoraproject.org redhat.com centos.org opensuse.org archlinux.org alpinelinux.org
gentoo.org nixos.org python.org pypi.org llvm.org rust-lang.org rustup.rs crates.io gnu.org
sourceware.org ebpf.io docker.com json-schema.org localhost 127.0.0.1
"""
PUBLIC_HOSTS = tuple(_PUBLIC_HOSTS.split())
"""Hosts that everybody knows, with all below them: a fix that names them must stay of use."""


def is_public_host(host: str) -> bool:
    """Whether a host, in small letters, is one of those or below one."""
    return any(host == public or host.endswith(f".{public}") for public in PUBLIC_HOSTS)


_PUBLIC_PLACES = """
/ /bin /boot /dev /etc /home /lib /lib32 /lib64 /libx32 /media /mnt /nix /nix/store /opt /proc
/root /run /run/media /run/user /sbin /srv /sys /tmp /usr /var /Users /Volumes /export
/export/home /data /workspace /workspaces /work /src /build /builds /app /code /repo /project
/github /github/home /github/workspace /mnt/c /mnt/c/Users /usr/bin /usr/games /usr/include
/usr/lib /usr/lib32 /usr/lib64 /usr/lib/modules /usr/libexec /usr/local /usr/local/bin
/usr/local/include /usr/local/lib /usr/local/lib64 /usr/local/sbin /usr/local/share /usr/local/src
/usr/sbin /usr/share /usr/src /usr/tmp /var/cache /var/home /var/lib /var/local /var/log /var/mail
/var/opt /var/run /var/spool /var/tmp /var/www /lib/modules /var/lib/apt /var/lib/apt/lists
/var/lib/dpkg /var/lib/dpkg/updates /var/lib/pacman /var/lib/pacman/sync /var/cache/zypp
/var/lib/rpm /var/cache/apt /var/lib/docker /var/lib/jenkins /var/lib/jenkins/workspace
/home/runner /home/runner/work /home/linuxbrew
"""
PUBLIC_PLACES = frozenset(_PUBLIC_PLACES.split())
"""Directories that many systems have; those below them are somebody's."""

_PUBLIC_TREES = """
/bin /boot /dev /etc /lib /lib32 /lib64 /proc /sbin /sys /usr/bin /usr/include /usr/lib /usr/lib32
/usr/lib64 /usr/libexec /usr/sbin /usr/share /opt/rh
"""
PUBLIC_TREES = tuple(f"{place}/" for place in _PUBLIC_TREES.split())
"""What lies below these is the system's own."""
