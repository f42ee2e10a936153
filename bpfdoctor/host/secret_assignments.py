"""Values that stand behind the name of a secret: `TOKEN=x`, `"password": "x"`, `--api-key x`.

The expressions only find names and signs; where a value ends is looked for from there, and what
was looked at once is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bpfdoctor.host.secret_names import SECRET, is_secret_name, is_strongly_secret, says_nothing

NAMED = re.compile(
    r"(?<![\w.$-])(?:(?P<option>--[\w.-]+)[ \t]{1,4}(?=[^\s=-])"
    r"|(?P<name>[\w.-]+)(?P<sign>\\?[\"']?[ \t]{0,8}(?:[:?+]{0,3}=(?!=)|:(?![:=/]))[ \t]{0,8}))"
)
"""A name and the sign behind it; what follows is its value."""

_ASSIGNING = re.compile(
    r"[ \t]*(?:[\w./%$()-]{1,40}[ \t]*::?[ \t]*)?(?:(?:export|override|private|define|set)[ \t]+)*"
)
DEFINE = re.compile(
    r"^([ \t]*(?:(?:export|override)[ \t]+)*define[ \t]+([\w.-]+)(?:[^\w.\n-][^\n]*)?\n)"
    r"((?:(?!endef)[^\n]*\n)+)",
    re.MULTILINE,
)
"""A variable of make whose value is in lines of its own."""
_WORD = re.compile(r"(?:\\.|[^\s\\'\"`])+", re.DOTALL)
_LINE = re.compile(r"(?:\\\n|[^\n])*")
_QUOTES = ("\\'", '\\"', "'", '"')
_HEADERS = frozenset(("authorization", "proxy-authorization", "cookie", "set-cookie"))


def without_named(text: str) -> Iterator[str]:
    """The pieces of a text, with the values of secret names replaced."""
    text = DEFINE.sub(_without_lines, text)
    done = at = 0
    while (match := NAMED.search(text, at)) is not None:
        at = match.end()
        name = _bare(match)
        strong = is_strongly_secret(name) or _is_header(match, name)
        if not strong and not _may_be_secret(match, name):
            continue
        end = _end_of_value(text, match, name)
        value = text[at:end]
        if not says_nothing(value, strong=strong):
            yield text[done:at] + _in_its_quotes(value)
            done = at = end
    yield text[done:]


def _without_lines(match: re.Match[str]) -> str:
    return f"{match[1]}{SECRET}\n" if is_secret_name(match[2]) else match[0]


def _bare(match: re.Match[str]) -> str:
    """The name without what an option has before it; its end alone, if it is a long one."""
    name = match["option"] or match["name"]
    return (name[2:] if name.startswith("-D") else name.lstrip("-"))[-200:]


def _is_header(match: re.Match[str], name: str) -> bool:
    return name.lower() in _HEADERS and ":" in (match["sign"] or "")


def _may_be_secret(match: re.Match[str], name: str) -> bool:
    """Whether a name that means other things too stands for a secret here.

    `KEY = x` of a makefile and `key=x` do, `key = 0;` of C and `auth: x` of prose do not.
    """
    if match["option"] or not is_secret_name(name):
        return False
    sign = match["sign"]
    if "=" not in sign:
        return "'" in sign or '"' in sign or match.string.startswith(_QUOTES, match.end())
    return sign.strip() == sign or name.isupper()


def _end_of_value(text: str, match: re.Match[str], name: str) -> int:
    """Where the value ends that begins behind a match."""
    at, sign = match.end(), match["sign"] or ""
    before = text[max(0, match.start() - 2) : match.start()]
    if before.endswith(("'", '"')) and "'" not in sign and '"' not in sign:
        quote = before if before.startswith("\\") else before[-1]
        return _closed(text, at, quote) - len(quote)
    for size in (1, 2):
        quote = text[at : at + size]
        if quote in _QUOTES:
            return _closed(text, at + size, quote)
    word = _reached(_WORD, text, at)
    if _is_header(match, name) or ("=" in sign and _begins_line(text, match)):
        flag = sign == "=" and says_nothing(text[at:word], strong=is_strongly_secret(name))
        return word if flag else _reached(_LINE, text, at)
    return word


def _reached(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found else at


def _closed(text: str, at: int, quote: str) -> int:
    """Behind the quote that closes what is open at `at`; for want of one, a quote's size behind
    the line. What follows in quotes at once belongs to it (`'it'"'"'s'`)."""
    end = text.find(quote, at)
    line = text.find("\n", at, end if end >= 0 else len(text))
    if line >= 0 or end < 0:
        return (line if line >= 0 else len(text)) + len(quote)
    end += len(quote)
    following = text[end : end + 1]
    return _closed(text, end + 1, following) if following in ("'", '"') else end


def _begins_line(text: str, match: re.Match[str]) -> bool:
    """Whether it is a variable before which a line has nothing but words of make or of a shell."""
    at = match.start()
    if text.startswith("-", at):
        return False
    _, line, last = text[max(0, at - 60) : at].rpartition("\n")
    return bool(line or at <= 60) and _ASSIGNING.fullmatch(last) is not None


def _in_its_quotes(value: str) -> str:
    for quote in _QUOTES:
        if len(value) > 2 * len(quote) and value.startswith(quote) and value.endswith(quote):
            return f"{quote}{SECRET}{quote}"
    return SECRET
