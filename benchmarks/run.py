"""Measure the promises of speed in one run, on this machine, with hyperfine.

    python benchmarks/run.py [--checkout DIR] [--object FILE] [--runs N]

Every pair is measured in the same run, one right after the other: a busy machine is busy for
both. What is written to benchmarks/results/ names the machine's kind and no path of it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import NamedTuple

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
    """`command` takes at most `factor` times as long as `reference`."""

    command: str
    reference: str
    factor: float


GOALS = (
    Goal("check --no-smoke, cold", "bpftool feature probe", 6),
    Goal("check --no-smoke, warm", "bpftool feature probe", 3),
    Goal("programs of libbpf-bootstrap, warm", "bpftool feature probe", 3),
    Goal("programs of an object, warm", "bpftool feature probe", 3),
    Goal("bpfdoctor --help", "python -c pass", 8),
    Goal("smoke minimal, clean", "make minimal, clean, and run", 1.05),
)
JUDGED = (0, 1, 3)
"""Exit statuses of a check that came to a verdict."""


def quick(scratch: Path, compiled: Path | None) -> Iterator[Command]:
    """What takes no checkout. The doctor runs outside any, with a cache of the benchmark's own."""
    cache = shlex.quote(str(scratch / "cache" / "bpfdoctor"))
    check = (str(DOCTOR), "check", "--no-smoke", "--json")
    yield Command("python -c pass", (sys.executable, "-c", "pass"))
    yield Command("bpfdoctor --help", (str(DOCTOR), "--help"))
    yield Command("bpftool feature probe", ("bpftool", "feature", "probe"))
    yield Command("check --no-smoke, cold", check, f"rm -rf {cache}", JUDGED)
    yield Command("check --no-smoke, warm", check, "", JUDGED)
    programs = (str(DOCTOR), "programs", "--project", "libbpf-bootstrap")
    yield Command("programs of libbpf-bootstrap, warm", programs)
    if compiled:
        judged = (str(DOCTOR), "programs", "--object", str(compiled.resolve()))
        yield Command("programs of an object, warm", judged)


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


def timed(commands: Sequence[Command], runs: int, scratch: Path) -> dict[str, dict[str, float]]:
    """Seconds of each command by name: mean, deviation, smallest, largest."""
    export = scratch / "hyperfine.json"
    argv = ["hyperfine", "--shell=none", "--warmup=1", f"--runs={runs}", "--ignore-failure"]
    argv += ["--export-json", str(export)]
    for each in commands:
        argv += ["--prepare", f"sh -c {shlex.quote(each.prepare or 'true')}"]
        argv += ["--command-name", each.name, shlex.join(each.argv)]
    environ = {**os.environ, "XDG_CACHE_HOME": str(scratch / "cache")}
    subprocess.run(argv, check=True, cwd=scratch, env=environ, stdin=subprocess.DEVNULL)
    found = json.loads(export.read_text())["results"]
    for each, row in zip(commands, found, strict=True):
        wrong = set(row.get("exit_codes", [])) - set(each.statuses)
        if wrong:
            raise SystemExit(f"{each.name} ended with exit status {wrong}")
    fields = ("mean", "stddev", "min", "max")
    return {row["command"]: {name: round(row[name] or 0, 4) for name in fields} for row in found}


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
            "reached": round(times[goal.command]["mean"] / times[goal.reference]["mean"], 2),
        }
        for goal in GOALS
        if goal.command in times and goal.reference in times
    ]


def page(result: dict[str, object]) -> Iterator[str]:
    """The result for a reader."""
    facts, times, goals = result["machine"], result["seconds"], result["goals"]
    assert isinstance(facts, dict)
    assert isinstance(times, dict)
    assert isinstance(goals, list)
    yield f"# {result['date']}\n"
    yield ", ".join(f"{name} {value}" for name, value in facts.items()) + "\n"
    yield "| | mean, s | deviation | min | max |"
    yield "|---|---|---|---|---|"
    for name, row in times.items():
        yield f"| {name} | {row['mean']} | {row['stddev']} | {row['min']} | {row['max']} |"
    yield ""
    yield "| | against | goal, times | reached |"
    yield "|---|---|---|---|"
    for row in goals:
        yield f"| {row['command']} | {row['reference']} | {row['goal']} | {row['reached']} |"


def main() -> int:
    """Measure, and write benchmarks/results/DATE.json and DATE.md."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--checkout", type=Path, help="a libbpf-bootstrap checkout, for the smoke")
    parser.add_argument("--object", type=Path, help="a compiled BPF object, to judge its programs")
    parser.add_argument("--runs", type=int, default=10, help="timings of each quick command")
    given = parser.parse_args()
    for tool in ("hyperfine", "bpftool"):
        if shutil.which(tool) is None:
            parser.error(f"{tool} is not on PATH")
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        times = timed(list(quick(scratch, given.object)), given.runs, scratch)
        if given.checkout:
            slow = list(smokes(given.checkout.resolve(), scratch))
            times |= timed(slow, max(2, given.runs // 5), scratch)
    date = datetime.now(timezone.utc).strftime("%Y-%m-%d")
    result: dict[str, object] = {
        "date": date,
        "machine": machine(),
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
