"""One transaction: what prepares for an installation comes before it, and only where it has to."""

from __future__ import annotations

from manager_says import ManagerHost

from bpfdoctor.fix.catalogue.packages import Capability, Choice, local
from bpfdoctor.fix.managers.apt import LISTS, TOUCHED
from bpfdoctor.fix.plan import Step
from bpfdoctor.fix.planning.repositories import look_at
from bpfdoctor.fix.planning.transaction import Transaction

CHOICE = Choice(Capability("make"), ("make",))
FRESH = dict.fromkeys(TOUCHED, 60.0)
OLD = dict.fromkeys(TOUCHED, 3 * 86400.0)
POLICY = " 500 http://u.example.org noble/main amd64 Packages\n release c=main\n"
UPDATES = "/var/lib/dpkg/updates"


def debian(ages: dict[str, float], *, lists: bool = True, broken: bool = False) -> ManagerHost:
    names = {LISTS: ("x_Packages",) if lists else (), UPDATES: ("0001",) if broken else ()}
    says = {"apt-cache policy": POLICY, "dpkg --audit": ""}
    return ManagerHost(says, names=names, ages=ages)


def transaction(host: ManagerHost) -> Transaction:
    here = local(host.distribution, "6.1")
    assert here is not None
    return Transaction(host, here)


def steps(host: ManagerHost, *repositories: str) -> list[Step]:
    made = transaction(host)
    for name in repositories:
        made.switch_on(look_at(name, host), ["k"])
    made.want(CHOICE, CHOICE.packages, ["k"])
    return made.steps()


def ids(made: list[Step]) -> list[str]:
    return [step.id for step in made]


def test_lists_that_are_fresh_are_not_refreshed_and_old_ones_are() -> None:
    assert ids(steps(debian(FRESH))) == ["packages"]
    refresh, install = steps(debian(OLD))
    assert (refresh.id, refresh.kind, refresh.packages) == ("refresh", "refresh", ())
    assert install.after == ("refresh",)
    assert install.notes == ()


def test_a_repository_that_was_switched_on_is_read_before_anything_is_installed_from_it() -> None:
    made = steps(debian(FRESH), "universe")
    assert ids(made) == ["repository:universe", "refresh", "packages"]
    enable, refresh, install = made
    assert enable.argv == ("add-apt-repository", "-y", "universe")
    assert enable.undo == ("add-apt-repository", "-y", "--remove", "universe")
    assert refresh.after == ("repository:universe",)
    assert [step.kind for step in made] == ["repository", "refresh", "install"]
    assert [step.why for step in made] == [("k",)] * 3
    assert install.after == ("repository:universe", "refresh")


def test_what_a_killed_run_left_half_installed_is_finished_first() -> None:
    made = steps(debian(OLD, broken=True))
    assert ids(made) == ["repair", "refresh", "packages"]
    assert made[0].argv == ("dpkg", "--configure", "-a")
    assert (made[0].kind, made[0].undo) == ("repair", ())


def test_what_lists_that_are_empty_do_not_confirm_is_said() -> None:
    made = steps(debian(FRESH, lists=False))
    assert ids(made) == ["refresh", "packages"]
    assert "not yet confirmed" in made[-1].notes[0]


def test_a_refresh_that_upgrades_is_taken_back_as_an_installation() -> None:
    host = ManagerHost(distribution=("arch", ""))
    refresh, install = steps(host)
    assert (refresh.kind, refresh.argv[:2]) == ("install", ("pacman", "-Syu"))
    assert install.kind == "install"


def test_without_a_package_nothing_is_prepared() -> None:
    made = transaction(debian(OLD, broken=True))
    made.want(CHOICE, (), ["k"])
    made.want(None, (), ["k"])
    assert made.steps() == []


def test_a_package_is_installed_once_for_all_that_ask_for_it() -> None:
    made = transaction(debian(FRESH))
    unsure = Choice(Capability("cc"), ("make", "gcc"), unverified=True)
    for choice, why in ((CHOICE, ["a"]), (unsure, ["a", "b"]), (unsure, ["b"])):
        made.want(choice, choice.packages, why)
    (install,) = made.steps()
    assert (install.packages, install.why) == (("make", "gcc"), ("a", "b"))
    assert install.argv[-2:] == ("make", "gcc")
    assert len(install.notes) == 1
    assert install.privileged
    assert install.environment == {"DEBIAN_FRONTEND": "noninteractive"}
    assert install.manager == "apt"
