"""Whether a file that make would take as it is does what it is for."""

from __future__ import annotations

from bpfdoctor.host.tools.built_files import BuiltFile

_NAMES = {
    "object": "object file",
    "executable": "executable",
    "archive": "archive",
    "skeleton": "header",
}


def stale_trouble(file: BuiltFile, machine: str) -> str:
    """Why a file is of no use; empty where it is sound. `machine` is empty where not known."""
    if file.state == "other":
        return f"is no {_NAMES[file.made]}"
    if file.state != "whole":
        states = {"cut": "is cut off", "empty": "is empty"}
        return states.get(file.state, "cannot be read")
    if machine and file.machine and file.machine != machine:
        return f"is for {file.machine}, not for {machine}"
    if file.made == "executable" and not file.runs:
        return "may not be executed"
    return ""
