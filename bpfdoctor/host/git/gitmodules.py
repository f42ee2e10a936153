"""Read `.gitmodules`, which anybody may have written: as text, and with suspicion."""

from __future__ import annotations

import re

import msgspec

_SECTION = re.compile(r'\[\s*([\w.-]+)\s*(?:"((?:[^"\\\n]|\\.)*)"\s*)?\]')
_KEY = re.compile(r"([A-Za-z][A-Za-z0-9-]*)[ \t]*(=?)")
_ESCAPES = {"n": "\n", "t": "\t", "b": "\b"}
_HELPER = re.compile(r"[A-Za-z0-9][A-Za-z0-9+.-]*::")
"""`ext::COMMAND`, `NAME::…`: git hands such an address to a program called git-remote-NAME."""


class SubmoduleEntry(msgspec.Struct, frozen=True):
    """One `[submodule "NAME"]`: where it belongs and where it comes from."""

    name: str
    path: str
    url: str = ""


def entries_of(text: str) -> tuple[SubmoduleEntry, ...]:
    """The submodules that have a path, in order; a path named twice counts once, the last time."""
    found: dict[str, dict[str, str]] = {}
    for name, key, value in settings_of(text):
        found.setdefault(name, {})[key] = value
    entries = (
        SubmoduleEntry(n, v["path"], v.get("url", "")) for n, v in found.items() if v.get("path")
    )
    return tuple({entry.path: entry for entry in entries}.values())


def settings_of(text: str) -> list[tuple[str, str, str]]:
    """Submodule, key (in lower case) and value of each setting that can be read."""
    settings: list[tuple[str, str, str]] = []
    section, place = None, 0
    while place < len(text):
        if header := _SECTION.match(text, place):
            own = header.group(1).lower() == "submodule"
            section = re.sub(r"\\(.)", r"\1", header.group(2) or "") if own else None
            place = header.end()
        elif text[place] in " \t\r\n":
            place += 1
        elif key := _KEY.match(text, place):
            value, place = _value(text, key.end()) if key.group(2) else ("", key.end())
            if section is not None:
                settings.append((section, key.group(1).lower(), value))
        else:  # a comment, or a line that git would refuse
            place = _line_end(text, place)
    return settings


def _line_end(text: str, place: int) -> int:
    end = text.find("\n", place)
    return len(text) if end < 0 else end + 1


def _value(text: str, place: int) -> tuple[str, int]:
    """A value to the end of its line: quotes and escapes undone, comment and outer blanks gone."""
    value, kept, quoted = "", 0, False
    while place < len(text) and text[place] in " \t":
        place += 1
    while place < len(text) and text[place] != "\n":
        character, place = text[place], place + 1
        if character == '"':
            quoted = not quoted
        elif character == "\\" and place < len(text):
            follows, place = text[place], place + 1
            value += "" if follows == "\n" else _ESCAPES.get(follows, follows)
            kept = len(value)
        elif character in "#;" and not quoted:
            return value[:kept], _line_end(text, place)
        else:
            value += character
        kept = len(value) if quoted or not character.isspace() else kept
    return value[:kept], place


def path_refused(path: str) -> str:
    """Why a submodule's path is not followed; empty for an honest one."""
    parts = path.split("/")
    if not path.isprintable():
        return "its path holds control characters"
    if path.startswith("/"):
        return "its path is absolute"
    if ".." in parts:
        return "its path leads out of the checkout"
    if any(part in ("", ".") or part.lower() == ".git" for part in parts):
        return "its path is not one that git allows"
    return "its path reads as an option" if path.startswith("-") else ""


def name_refused(name: str) -> str:
    """Why the repository of a submodule of this name is not looked for; empty for an honest one."""
    if not name or ".." in name.split("/"):
        return "its name is not one that git allows"
    honest = name.isprintable() and "\\" not in name  # as undecodable bytes are written
    return "" if honest else "its name holds control characters"


def url_refused(url: str) -> str:
    """Why an address is not fetched from; empty for an honest one."""
    if not url.isprintable():
        return "its URL holds control characters"
    if helper := _HELPER.match(url):
        return f"its URL names a program ({helper.group()}), which git refuses to run"
    return "its URL reads as an option" if url.startswith("-") else ""


def url_is_local(url: str) -> bool:
    """Whether an address is a path of this machine, from which git takes no submodule by itself.

    `protocol.file.allow` is `user` since git 2.38.1 (CVE-2022-39253).
    """
    return url.startswith(("/", "file://"))
