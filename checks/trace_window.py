"""The global trace: what programs show there, does their user see it?"""

from __future__ import annotations

from bpfdoctor.api import ASK_AS_ROOT, ByHand, Context, Evidence, Finding, Fix, Project, Run
from bpfdoctor.api import check, evidence, failed, passed, unknown, warned
from bpfdoctor.api import kernel, machine, privilege


def _is_looked_at(project: Project) -> bool:
    """Whether one of the programs shows itself in the kernel's trace."""
    programs = (project.program(name) for name in project.programs)
    return any(each and each.proof and each.proof.source == "trace" for each in programs)


@check(
    "runtime.tracing-on",
    title="global trace is on",
    requires=("runtime.tracefs",),
    applies=_is_looked_at,
)
def runtime_tracing_on(context: Context) -> Finding | None:
    """Whether what programs print with bpf_printk is seen in the global trace, by trace_pipe.

    Programs load, attach and run all the same while it is shut, and are silent for whoever watches
    `cat /sys/kernel/tracing/trace_pipe`. It is shut where `tracing_on` is 0: by `trace-cmd stop`,
    by a `traceoff` trigger of an event or a function, by `traceoff_on_warning` on the kernel's
    command line. Since Linux 6.6 (commit c2489bb7e6be) a second reader of trace_pipe is refused
    (EBUSY); before, two readers share the lines, and each sees some.

    The smoke test reads a trace instance of its own, which has a switch of its own.
    """
    if not _is_looked_at(context.project):
        return None
    question = kernel.AskTraceWindow()
    answer = context.ask(question)
    seen = [evidence(question, answer)]
    if not isinstance(answer, kernel.TraceWindow):
        look: list[Fix] = [ASK_AS_ROOT, ByHand("As root: cat /sys/kernel/tracing/tracing_on")]
        return unknown(f"the global trace: {answer.reason}", seen=seen, fixes=look)
    if answer.on is False:
        fixes = [_turned_on(answer)]
        return failed(f"off: {kernel.why_shut(answer)}", seen=seen, fixes=fixes)
    if kernel.why_shut(answer):
        return _closed(context, answer, seen)
    return _open(answer, seen)


def _turned_on(window: kernel.TraceWindow) -> Fix:
    """What turns it on; a trigger that turned it off would do so again."""
    place = f"{window.place}/tracing_on"
    if not window.shutters:
        on, off = ("sh", "-c", f"echo 1 > {place}"), ("sh", "-c", f"echo 0 > {place}")
        return Run(on, privileged=True, undo=off, text="What turned it off may do so again.")
    files = dict.fromkeys(each.partition(":")[0] for each in window.shutters)
    clear = "; ".join(f"echo '!traceoff' >> {window.place}/{file}" for file in files)
    return ByHand(f"As root, remove what turns it off, then turn it on: {clear}; echo 1 > {place}")


def _closed(context: Context, window: kernel.TraceWindow, seen: list[Evidence]) -> Finding:
    """trace_pipe refuses this user: for want of privilege, unless it is root whom it refuses."""
    identity = context.ask(machine.AskIdentity())
    seen = [*seen, evidence(machine.AskIdentity(), identity)]
    refused = isinstance(identity, machine.Identity) and privilege.is_root(identity)
    if refused and window.refused in privilege.REFUSED:
        hint = ByHand("A security module refuses it: see dmesg, and runtime.container.")
        return failed(f"root is refused: {kernel.why_shut(window)}", seen=seen, fixes=[hint])
    look = ByHand(f"As root: cat {window.place}/trace_pipe")
    return unknown(kernel.why_shut(window), seen=seen, fixes=[ASK_AS_ROOT, look])


def _open(window: kernel.TraceWindow, seen: list[Evidence]) -> Finding:
    if kernel.why_doubtful(window):
        summary = f"on, but lines may be missing: {kernel.why_doubtful(window)}"
        look = ByHand(f"As root: cat {window.place}/tracing_on {window.place}/set_event_pid")
        return unknown(summary, seen=seen, fixes=[look, *_widened(window)])
    if window.refused or window.readers:
        who = " and ".join(window.readers) or "another process"
        summary = f"on, and {who} reads trace_pipe: what it reads, no other reader sees"
        end = ByHand("Read what that process shows, or end it before you run `cat trace_pipe`.")
        return warned(summary, seen=seen, fixes=[end])
    return passed(f"on, and {window.place}/trace_pipe opens", seen=seen)


def _widened(window: kernel.TraceWindow) -> list[Fix]:
    """What takes each filter away."""
    none = {"filter": "echo 0 >", "set_event_pid": "echo >", "trace_printk": "echo 1 >"}
    files = (each.partition(":")[0] for each in window.narrowed)
    return [
        ByHand(f"As root: {none[file.rpartition('/')[2]]} {window.place}/{file}") for file in files
    ]
