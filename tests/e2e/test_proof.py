"""make → skeleton → run, for real: on a project of our own, or on `$BPFDOCTOR_CHECKOUT`."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bpfdoctor.api import Context, Project, Stage
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.machine import Machine
from bpfdoctor.host.scratch import MARKER
from bpfdoctor.host.system.trace import tracefs_path
from bpfdoctor.projects.reader import kind_named
from bpfdoctor.smoke import program as smoke_program
from bpfdoctor.smoke.model import Observed, Outcome
from bpfdoctor.smoke.program import prove_program

ours_alone = pytest.mark.skipif(
    "BPFDOCTOR_CHECKOUT" in os.environ, reason="BPFDOCTOR_CHECKOUT is set: nothing is broken there"
)


@pytest.fixture
def cached(tmp_path: Path) -> Iterator[Machine]:
    cache = tmp_path / "cache"
    cache.mkdir(mode=0o700)
    machine = Machine(cache=cache)
    yield machine
    left = [each.name for each in machine.scratch.iterdir()]
    assert left == [MARKER], "a run left something in its scratch directory"
    machine.close()


def prove(machine: Machine, checkout: Path, name: str, *, may_run: bool = True) -> Observed:
    kind = kind_named("libbpf-bootstrap")
    project = Project(kind, str(checkout), ("minimal", "bootstrap"))
    return prove_program(Context(LiveHost(machine), project), name, Stage.FIRES, may_run)


def state_of(checkout: Path) -> dict[str, tuple[int, int, int]]:
    """Every path with its size, mode and mtime."""
    facts = {str(path): path.lstat() for path in [checkout, *checkout.rglob("*")]}
    return {path: (f.st_size, f.st_mode, f.st_mtime_ns) for path, f in facts.items()}


def failing(observed: Observed) -> Outcome:
    *before, last = observed.outcomes
    assert all(outcome.happened for outcome in before)
    assert last.happened is False
    return last


def change(checkout: Path, name: str, old: str, new: str) -> None:
    path = checkout / "examples/c" / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def needs_bpf(needs: Callable[..., None]) -> None:
    needs("root", "bpftool")
    if tracefs_path() is None:
        needs("tracefs, mounted")


@pytest.mark.bpf
@pytest.mark.parametrize("name", ["minimal", "bootstrap"])
def test_a_program_is_built_and_its_own_event_is_seen_and_the_checkout_stays_as_it_was(
    checkout: Path, cached: Machine, needs: Callable[..., None], name: str
) -> None:
    needs_bpf(needs)
    before = state_of(checkout)
    observed = prove(cached, checkout, name)
    assert [(o.stage, o.happened) for o in observed.outcomes] == [(s, True) for s in Stage], (
        observed
    )
    assert observed.outcomes[-1].seen[0].text in observed.outcomes[-1].summary
    assert state_of(checkout) == before


@pytest.mark.bpf
@ours_alone
def test_each_broken_stage_is_named_with_its_lines(
    checkout: Path, cached: Machine, needs: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    needs_bpf(needs)
    monkeypatch.setattr(smoke_program, "LIMIT", 3.0)

    change(checkout, "minimal.c", "= getpid()", "= 0x7fffffff")
    assert failing(prove(cached, checkout, "minimal")).stage is Stage.FIRES

    change(checkout, "minimal.bpf.c", "sys_enter_write", "sys_enter_no_such_call")
    attach = failing(prove(cached, checkout, "minimal"))
    assert attach.stage is Stage.ATTACH
    assert "sys_enter_no_such_call" in attach.seen[0].text

    change(checkout, "minimal.bpf.c", "return 0;", "return *(volatile int *)context;")
    change(
        checkout, "minimal.bpf.c", "if (pid == watched)", "context = (void *)(long)pid;\n\tif (pid)"
    )
    change(checkout, "minimal.c", "return 1;", "return 0;")  # an exit status that lies
    load = failing(prove(cached, checkout, "minimal"))
    assert load.stage is Stage.LOAD
    assert "load" in load.summary

    change(checkout, "minimal.bpf.c", "return *", "return no_such_name + *")
    build = failing(prove(cached, checkout, "minimal"))
    assert build.stage is Stage.BUILD
    assert "no_such_name" in build.seen[0].text


@ours_alone
def test_build_alone_runs_nothing(
    checkout: Path, cached: Machine, needs: Callable[..., None]
) -> None:
    needs("bpftool")
    observed = prove(cached, checkout, "minimal", may_run=False)
    assert [(o.stage, o.happened) for o in observed.outcomes] == [(Stage.BUILD, True)], observed


@ours_alone
def test_a_submodule_taken_away_after_a_build_is_not_hidden_by_what_was_built(
    checkout: Path, cached: Machine, needs: Callable[..., None]
) -> None:
    needs("bpftool")
    assert prove(cached, checkout, "minimal", may_run=False).outcomes[0].happened
    for path in (checkout / "libbpf/src").iterdir():
        path.unlink()
    assert failing(prove(cached, checkout, "minimal", may_run=False)).stage is Stage.BUILD


@ours_alone
def test_as_root_another_owners_checkout_is_built_as_that_owner_without_writing_to_it(
    needs: Callable[..., None], make_checkout: Callable[[Path], Path]
) -> None:
    needs("root", "bpftool")
    with tempfile.TemporaryDirectory() as directory:  # pytest's own is closed to others
        place = Path(directory)
        place.chmod(0o755)
        checkout = make_checkout(place)
        for path in [checkout, *checkout.rglob("*")]:
            os.chown(path, 65534, 65534, follow_symlinks=False)
            if not path.is_symlink():
                path.chmod(path.stat().st_mode & ~0o222)
        before = state_of(checkout)
        machine = Machine()
        observed = prove(machine, checkout, "minimal", may_run=False)
        assert observed.outcomes[0].happened, observed
        (made,) = (path for path in machine.scratch.glob("user-65534/build-*") if path.is_dir())
        assert {path.lstat().st_uid for path in made.rglob("*")} == {65534}
        assert state_of(checkout) == before
        machine.close()


@ours_alone
def test_two_proofs_of_one_checkout_at_once_do_not_disturb_each_other(
    checkout: Path, cached: Machine, needs: Callable[..., None]
) -> None:
    needs_bpf(needs)
    with ThreadPoolExecutor() as pool:
        names = ["minimal", "bootstrap", "minimal"]
        proofs = list(pool.map(lambda name: prove(cached, checkout, name), names))
    assert [len(proof.outcomes) for proof in proofs] == [4, 4, 4]
    assert all(outcome.happened for proof in proofs for outcome in proof.outcomes), proofs
