"""Measure the promises of speed in one run, on this machine.

    python benchmarks/run.py [--checkout DIR] [--object FILE] [--runs N]

The commands take turns, round after round, so that a busy machine is busy for all of them, and the
median counts. What is written to benchmarks/results/ names the machine's kind and no path of it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import NamedTuple

from bpfdoctor.host.architecture import machine_architecture, target_architecture

HERE = Path(__file__).parent
RESULTS = HERE / "results"
DOCTOR = Path(sys.executable).with_name("bpfdoctor")


class Command(NamedTuple):
    """Something to time. `prepare` is run before each timing, and is not timed."""

    name: str
    argv: Sequence[str]
    prepare: str = ""
    statuses: tuple[int, ...] = (0,)


class Goal(NamedTuple):
    """`command` takes at most `factor` times as long as `reference`, and `more` seconds."""

    command: str
    reference: str
    factor: float
    more: float = 0


PROBE = "bpftool feature probe"
CLICK = "python -I -c 'import click'"
COMPILES = "clang of each BPF source, two at a time"
GOALS = (
    Goal("check --no-smoke, cold", PROBE, 3.3),
    Goal("check --no-smoke, warm", PROBE, 2.2),
    Goal("programs, warm", PROBE, 2.2),
    Goal("programs of a checkout, warm", PROBE, 3),
    Goal("programs of a checkout, first time", COMPILES, 1, more=1),
    Goal("programs of an object, warm", PROBE, 3),
    Goal("bpfdoctor --help", CLICK, 1.15),
    Goal("smoke minimal, clean", "make minimal, clean, and run", 1.05),
)
JUDGED = (0, 1, 3)
"""Exit statuses of a check that came to a verdict."""


def quick(scratch: Path, compiled: Path | None, *, inside: bool) -> Iterator[Command]:
    """What builds nothing. The doctor has a cache of the benchmark's own."""
    cache = shlex.quote(str(scratch / "cache" / "bpfdoctor"))
    check = (str(DOCTOR), "check", "--no-smoke", "--json")
    yield Command("python -I -c pass", (sys.executable, "-I", "-c", "pass"))
    yield Command(CLICK, (sys.executable, "-I", "-c", "import click"))
    yield Command("bpfdoctor --help", (str(DOCTOR), "--help"))
    yield Command("check --no-smoke, cold", check, f"rm -rf {cache}", JUDGED)
    yield Command(PROBE, ("bpftool", "feature", "probe"))
    yield Command("check --no-smoke, warm", check, "", JUDGED)
    named = ("--project", "libbpf-bootstrap")
    kind = "programs of a checkout" if inside else "programs"
    programs = (str(DOCTOR), "programs", *(() if inside else named))
    if inside:
        yield Command(f"{kind}, first time", programs, f"rm -rf {cache}")
        yield compilations(scratch)
    yield Command(f"{kind}, warm", programs)
    if compiled:
        judged = (str(DOCTOR), "programs", "--object", str(compiled.resolve()))
        yield Command("programs of an object, warm", judged)


def compilations(scratch: Path) -> Command:
    """What a first look at a checkout compiles, without us: from its directory."""
    target = target_architecture(machine_architecture())
    words = f"clang -g -O2 -target bpf -D__TARGET_ARCH_{target} -I{scratch}/include"
    words += f" -Ilibbpf/include/uapi -Ivmlinux.h/include/{target}"
    words += f" -idirafter /usr/include/$(cc -print-multiarch) -c SOURCE -o {scratch}/object.$$"
    script = f"ls examples/c/*.bpf.c | xargs -P 2 -I SOURCE sh -c '{words}'"
    linked = f"mkdir -p {scratch}/include && ln -sfn $PWD/libbpf/src {scratch}/include/bpf"
    return Command(COMPILES, ("sh", "-c", f"{linked} && {script}"))


def smokes(checkout: Path, scratch: Path) -> Iterator[Command]:
    """The build and the run of one program, by make itself and by the doctor."""
    copy, cache = scratch / "made", shlex.quote(str(scratch / "cache" / "bpfdoctor"))
    jobs = str(len(os.sched_getaffinity(0)))
    script = f"make -j{jobs} -C {copy}/examples/c CARGO= minimal >/dev/null && " + run_of(
        copy / "examples/c/minimal", scratch / "printed"
    )
    again = f"rm -rf {copy} && cp -a {shlex.quote(str(checkout))} {copy}"
    smoke = (str(DOCTOR), "smoke", "minimal", "-C", str(checkout), "--json")
    yield Command("make minimal, clean, and run", ("sh", "-c", script), again)
    yield Command("smoke minimal, clean", smoke, f"rm -rf {cache}")
    yield Command("smoke minimal, built before", smoke)


def run_of(program: Path, printed: Path) -> str:
    """Run a program until it says that it is started, as a person who watches it would.

    It goes on until it is ended, and to anything but a terminal it would say it at its end only.
    """
    said = f"until grep -q Successfully {printed}; do kill -0 $! || exit 1; sleep 0.02; done"
    started = f"stdbuf -oL {program} >{printed} 2>&1 &"
    return f"timeout 20 sh -c '{started} {said}; kill $!'"


def timed(
    commands: Sequence[Command], runs: int, scratch: Path, place: Path
) -> dict[str, dict[str, float]]:
    """Seconds of each command by name. The first round warms up, and is not counted."""
    times: dict[str, list[float]] = {each.name: [] for each in commands}
    environ = {**os.environ, "XDG_CACHE_HOME": str(scratch / "cache")}
    for turn in range(runs + 1):
        for each in commands:
            subprocess.run(("/bin/sh", "-c", each.prepare), check=True, env=environ)
            seconds = _seconds(each, place, environ)
            if turn:
                times[each.name].append(seconds)
    return {name: _summary(each) for name, each in times.items()}


def _seconds(command: Command, place: Path, environ: dict[str, str]) -> float:
    quiet = subprocess.DEVNULL
    began = time.perf_counter()
    ended = subprocess.run(
        command.argv, cwd=place, env=environ, stdin=quiet, stdout=quiet, stderr=quiet, check=False
    )
    seconds = time.perf_counter() - began
    if ended.returncode not in command.statuses:
        raise SystemExit(f"{command.name} ended with exit status {ended.returncode}")
    return seconds


def _summary(seconds: list[float]) -> dict[str, float]:
    found = {"median": statistics.median(seconds), "min": min(seconds), "max": max(seconds)}
    return {name: round(each, 4) for name, each in found.items()}


def machine() -> dict[str, str]:
    """What kind of machine this is."""
    cpu = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line]
    return {
        "cpu": cpu[0].partition(":")[2].strip() if cpu else platform.machine(),
        "cpus": str(len(os.sched_getaffinity(0))),
        "kernel": platform.release(),
        "distribution": platform.freedesktop_os_release().get("PRETTY_NAME", "unknown"),
        "python": platform.python_version(),
        "load at the end": f"{os.getloadavg()[0]:.1f}",
        "user": "root" if os.geteuid() == 0 else "ordinary",
    }


def judged(times: dict[str, dict[str, float]]) -> list[dict[str, object]]:
    """Each goal that was measured, and what was reached."""
    return [
        {
            "command": goal.command,
            "reference": goal.reference,
            "goal": goal.factor,
            "and seconds": goal.more,
            "figure": _ratio(times[goal.command], times[goal.reference], goal.more),
            "reached": _ratio(times[goal.command], times[goal.reference], goal.more) <= goal.factor,
        }
        for goal in GOALS
        if goal.command in times and goal.reference in times
    ]


def _ratio(command: dict[str, float], reference: dict[str, float], more: float) -> float:
    return round((command["median"] - more) / reference["median"], 2)


def page(result: dict[str, object]) -> Iterator[str]:
    """The result for a reader."""
    facts, times, goals = result["machine"], result["seconds"], result["goals"]
    assert isinstance(facts, dict)
    assert isinstance(times, dict)
    assert isinstance(goals, list)
    yield f"# {result['date']}\n"
    said = ", ".join(f"{name} {value}" for name, value in facts.items())
    yield f"{said}; in {result['place']}\n"
    yield "| | median, s | min | max |"
    yield "|---|---|---|---|"
    for name, row in times.items():
        yield f"| {name} | {row['median']} | {row['min']} | {row['max']} |"
    yield ""
    yield "| | against | goal, times | figure | |"
    yield "|---|---|---|---|---|"
    for row in goals:
        said = "reached" if row["reached"] else "missed"
        more = f" and {row['and seconds']} s" if row["and seconds"] else ""
        facts = (row["command"], row["reference"] + more, row["goal"], row["figure"], said)
        yield "| " + " | ".join(map(str, facts)) + " |"


def main() -> int:
    """Measure, and write benchmarks/results/DATE.json and DATE.md."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--checkout", type=Path, help="a libbpf-bootstrap checkout to judge")
    parser.add_argument("--object", type=Path, help="a compiled BPF object, to judge its programs")
    parser.add_argument("--runs", type=int, default=20, help="timings of each quick command")
    given = parser.parse_args()
    if shutil.which("bpftool") is None:
        parser.error("bpftool is not on PATH")
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        place = given.checkout.resolve() if given.checkout else scratch
        commands = list(quick(scratch, given.object, inside=bool(given.checkout)))
        times = timed(commands, given.runs, scratch, place)
        if given.checkout:
            slow = list(smokes(place, scratch))
            times |= timed(slow, max(2, given.runs // 10), scratch, scratch)
    date = datetime.now(timezone.utc).strftime("%Y-%m-%d")
    result: dict[str, object] = {
        "date": date,
        "machine": machine(),
        "place": "a checkout of libbpf-bootstrap" if given.checkout else "no checkout",
        "seconds": times,
        "goals": judged(times),
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{date}.json").write_text(json.dumps(result, indent=1) + "\n")
    (RESULTS / f"{date}.md").write_text("\n".join(page(result)) + "\n")
    sys.stdout.write("\n".join(page(result)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
