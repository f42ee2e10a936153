"""What a section's name says: the numbers that the kernel is told for it."""

from __future__ import annotations

import pytest

from bpfdoctor.host.bpf.features.attach_types import ATTACH_TYPES
from bpfdoctor.host.bpf.features.program_types import PROGRAM_TYPES
from bpfdoctor.host.elf.section_names import _ATTACH, _WHOLE, _WITH_TARGET, named


@pytest.mark.parametrize(
    ("section", "kind", "attach"),
    [
        ("cgroup/bind4", "cgroup_sock_addr", 8),
        ("cgroup/connect6", "cgroup_sock_addr", 11),
        ("cgroup/sendmsg4", "cgroup_sock_addr", 14),
        ("cgroup/recvmsg6", "cgroup_sock_addr", 20),
        ("cgroup/getpeername4", "cgroup_sock_addr", 29),
        ("cgroup/getsockname6", "cgroup_sock_addr", 32),
        ("cgroup/connect_unix", "cgroup_sock_addr", 49),
        ("cgroup/getsockname_unix", "cgroup_sock_addr", 53),
        ("cgroup/sock", "cgroup_sock", 2),
        ("cgroup/sock_create", "cgroup_sock", 2),
        ("cgroup/post_bind6", "cgroup_sock", 13),
        ("cgroup/sock_release", "cgroup_sock", 34),
        ("cgroup/setsockopt", "cgroup_sockopt", 22),
        ("cgroup_skb/egress", "cgroup_skb", 1),
        ("sk_reuseport/migrate", "sk_reuseport", 40),
        ("xdp.frags/devmap", "xdp", 33),
        ("xdp/cpumap", "xdp", 35),
        ("netfilter", "netfilter", 45),
        ("?xdp", "xdp", 0),
        ("fentry/vfs_unlink", "tracing", 0),
    ],
)
def test_a_section_names_a_type_and_what_it_attaches_to(
    section: str, kind: str, attach: int
) -> None:
    found = named(section)
    assert found is not None
    assert (found.type, found.attach) == (kind, attach)


def test_every_name_is_one_of_the_tables() -> None:
    assert set(_ATTACH.values()) <= ATTACH_TYPES.keys()
    assert _ATTACH.keys() <= _WHOLE.keys()
    assert {*_WHOLE.values(), *_WITH_TARGET.values()} <= PROGRAM_TYPES.keys()


@pytest.mark.parametrize("section", ["cgroup/bind_unix", "cgroup/bind7", "vfs_unlink", ""])
def test_what_libbpf_does_not_know_says_nothing(section: str) -> None:
    assert named(section) is None
