"""A module that asks before it may, and a check that looks where bpfdoctor is."""

import gc

import bpfdoctor
from bpfdoctor.api import AskKernel, Context, Finding, check, passed
from bpfdoctor.host.rpc import RemoteHost

(host,) = [each for each in gc.get_objects() if isinstance(each, RemoteHost)]


@check("sample.inward", title=str(host.ask(AskKernel())))
def inward(context: Context) -> Finding:
    """Say where bpfdoctor was imported from."""
    return passed(bpfdoctor.__file__)
