"""A check that wants root: it has itself run, and asks who it is, and how the kernel is."""

import hashlib
import os
from pathlib import Path

from bpfdoctor.api import AskIdentity, AskKernel, Context, Finding, NoAnswer, check, passed
from bpfdoctor.host.rpc import Message
from bpfdoctor.smoke.run import RunProgram

PROGRAM = Path(os.environ.get("SAMPLE_PROGRAM", "/bin/true"))


@check("sample.privileged", title="has itself run as root")
def privileged(context: Context) -> Finding:
    """Grant itself a program, have it run, and say as whom."""
    hash_ = hashlib.sha256(PROGRAM.read_bytes()).hexdigest()
    for named in ([str(PROGRAM), hash_], [str(PROGRAM)]):
        context.host._channel.send(Message(grant={"ask": "RunProgram", "named": named}))
    ran = context.ask(RunProgram(str(PROGRAM), hash_, "sample", limit=0.5))
    who = context.ask(AskIdentity())
    assert not isinstance(who, NoAnswer)
    assert not isinstance(context.ask(AskKernel()), NoAnswer)
    output = ran.reason if isinstance(ran, NoAnswer) else ran.output
    return passed(f"{who.euid} {output}")
