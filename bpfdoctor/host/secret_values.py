"""Finds what is secret in a text by how it looks: passwords, tokens, private keys, logins in URLs.

Nothing of the machine is needed for it. Every regular expression here is linear: it begins once in
a run of the characters that it takes, and what decides is Python's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from bpfdoctor.host.redact_allowlist import COMMON, is_public_host
from bpfdoctor.host.redact_values import Replacing
from bpfdoctor.host.secret_names import SECRET, is_secret_name, is_strongly_secret, says_nothing

SIGNS = re.compile(
    r"(?i:token|secret|passw|passphrase|pass=|pwd|credential|cred|key|auth|pin=|psk|salt|cookie"
    r"|session|dsn|serial|ssid|jwt|otp|nonce|webhook|machine.?id|connection.?string|sig|bearer)"
    r"|://|--?u|gh[pousr]_|gl[a-z]{2,8}-|A(?:KIA|SIA|BIA|CCA|3T|KC)|AIza|xox|eyJ|npm_|pypi-"
    r"|_live_|_test_|SG\.|sk-|hf_|do[opr]_v1|dckr_|hv[sbr]\.|shp|sq0|cio|glsa_|dapi|ya29|PMAK"
    r"|NRAK|ATATT|\d:[\w-]{35}|[\w-]{6}\.[\w-]{27}|-us\d|(?:AC|SK)[0-9a-f]{32}|GR1348941|AGE-"
)
"""What there is in every text that holds a secret: most texts are seen at once to hold none."""

PRIVATE_KEY = re.compile(
    r"-----BEGIN (?:[A-Z0-9]{1,20} ){0,4}PRIVATE KEY(?: BLOCK)?-----"
    r"(?:(?!-----END)[\s\S])*(?:-----END[A-Z0-9 ]*(?:-----)?)?"
)

_SHAPES = (
    r"gh[pousr]_[A-Za-z0-9]{16,}",
    r"github_pat_\w{20,}",
    r"gl[a-z]{2,8}-[\w-]{16,}",
    r"GR1348941[\w-]{16,}",
    r"(?:AKIA|ASIA|ABIA|ACCA|A3T[A-Z0-9])[A-Z0-9]{12,}",
    r"AKC[A-Za-z0-9]{20,}",
    r"AIza[\w-]{30,}",
    r"ya29\.[\w-]{16,}",
    r"xox[a-z]-[A-Za-z0-9-]{8,}",
    r"npm_[A-Za-z0-9]{20,}",
    r"pypi-[\w-]{16,}",
    r"[rs]k_(?:live|test)_[A-Za-z0-9]{10,}",
    r"SG\.[\w-]{16,}\.[\w-]{16,}",
    r"sk-[\w-]{20,}",
    r"hf_[A-Za-z0-9]{20,}",
    r"do[opr]_v1_[a-f0-9]{32,}",
    r"dckr_pat_[\w-]{20,}",
    r"hv[sbr]\.[\w-]{20,}",
    r"shp[a-z]{2}_[A-Fa-f0-9]{32}",
    r"sq0[a-z]{3}-[\w-]{22,}",
    r"cio[A-Za-z0-9]{32}",
    r"gl(?:sa|c)_[\w-]{20,}",
    r"dapi[a-f0-9]{32}",
    r"PMAK-[A-Za-z0-9-]{20,}",
    r"NRAK-[A-Z0-9]{20,}",
    r"ATATT[\w=-]{20,}",
    r"AGE-SECRET-KEY-1[A-Z0-9]{20,}",
    r"(?:AC|SK)[a-f0-9]{32}(?![A-Za-z0-9])",
    r"[a-f0-9]{32}-us\d{1,2}",
    r"\d{8,10}:[\w-]{35}(?![\w-])",
    r"[MNO][\w-]{23,25}\.[\w-]{6}\.[\w-]{27,}",
    r"eyJ[\w-]{5,}\.[\w-]{2,}(?:\.[\w-]*)?",
)
SHAPE = re.compile(rf"(?<![\w$-])(?:{'|'.join(_SHAPES)})|(?<=-D)(?:{'|'.join(_SHAPES[:6])})")
"""What issuers make so that it can be found: GitHub, GitLab, AWS, Slack, Google … and JWTs."""

BEARER = re.compile(r"(?i:(?<![\w$-])(bearer|basic)) {1,4}[\w.~+/-]{12,}={0,2}")
USER_OPTION = re.compile(r"(?<!\S)(--?(?:proxy-)?u(?:ser)?)([ =]?)([^\s:'\"=$]{1,80}:)(?!\d)\S+")
"""`curl -u NAME:PASSWORD`."""

LOGIN = re.compile(
    r"://(?:[^\s/'\"<>:@$]{0,80}:[^\s/'\"<>@]*@(?:[^\s/'\"<>@]*@)*"
    r"|[^\s/'\"<>:@$]{1,80}:(?!\d{0,5}(?:[\s/'\"<>?#)]|\Z))[^\s'\"<>@]{1,200}@)"
)
"""A name and a password in a URL; the second form is of one with a slash in it."""

URL_WORD = re.compile(r"(?<![A-Za-z0-9+.])[A-Za-z][A-Za-z0-9+.]*://[^\s'\"<>`]*")
_URL_HOST = re.compile(r"[^/]*://(?:[^/@]*@)*([^/:?#]*)")
QUERY = "?$QUERY"
FRAGMENT = "#$FRAGMENT"
_PUBLIC_QUERY = re.compile(r"(?:(?:id|h|bug|tag|branch|rev|plain)=[\w./-]{1,64}&?)+")

NAMED = re.compile(
    r"(?<![\w.$-])(?:(?P<option>--[\w.-]+)[ \t]{1,4}(?=[^\s=-])"
    r"|(?P<name>[\w.-]+)(?P<sign>\\?[\"']?[ \t]{0,8}(?:[:?+]{0,3}=(?!=)|:(?![:=/]))[ \t]{0,8}))"
)
"""A name and the sign behind it; what follows is its value."""

_ASSIGNING = re.compile(r"[ \t]*(?:(?:export|override|private|define|set)[ \t]+)*")
_WORD = re.compile(r"(?:\\.|[^\s\\'\"`])+", re.DOTALL)
_LINE = re.compile(r"(?:\\\n|[^\n])*")
_QUOTES = ("\\'", '\\"', "'", '"')
_HEADERS = frozenset(("authorization", "proxy-authorization", "cookie", "set-cookie"))


class Secrets(Replacing):
    """Replaces what is secret by its look, and the values that are `known` to be secret.

    It is used for text too: what it replaces is of no use in a command.
    """

    def __init__(self, known: Iterable[str] = ()) -> None:
        words = sorted({*known}, key=len, reverse=True)
        joined = "|".join(re.escape(word) for word in words)
        self._known = re.compile(rf"(?<![A-Za-z0-9])(?:{joined})(?![A-Za-z0-9])") if words else None

    @property
    def secrets(self) -> Secrets:
        """Itself."""
        return self

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Secrets:
        """What this environment holds under secret names is secret wherever it is met."""
        return cls(value for name, value in environ.items() if _is_known_secret(name, value))

    def text(self, text: str) -> str:
        """`text` without secrets."""
        if self._known is not None:
            text = self._known.sub(lambda _: SECRET, text)
        if SIGNS.search(text) is None:
            return text
        text = SHAPE.sub(lambda _: SECRET, PRIVATE_KEY.sub(lambda _: SECRET, text))
        text = "".join(_without_named(text))
        text = BEARER.sub(rf"\1 {SECRET}", text)
        text = USER_OPTION.sub(rf"\1\2{SECRET}", text)
        text = LOGIN.sub(lambda _: f"://{SECRET}@", text)
        return URL_WORD.sub(_without_query, text)


def _is_known_secret(name: str, value: str) -> bool:
    """Whether the value of an environment variable is looked for in every text."""
    if len(value) < 6 or "\n" in value or value.lower() in COMMON or value.startswith(("/", "~")):
        return False
    return is_secret_name(name) and not says_nothing(value, strong=True)


def _without_query(match: re.Match[str]) -> str:
    """A URL without what follows its path, unless that only says which page of a public site."""
    url, _, fragment = match[0].partition("#")
    path, asked, query = url.partition("?")
    host = _URL_HOST.match(path)
    public = host is not None and is_public_host(host[1].lower())
    if query and not (public and _PUBLIC_QUERY.fullmatch(query)):
        query = QUERY.removeprefix("?")
    if fragment and not (public and "=" not in fragment):
        fragment = FRAGMENT.removeprefix("#")
    return path + (asked and f"?{query}") + (f"#{fragment}" if "#" in match[0] else "")


def _without_named(text: str) -> Iterator[str]:
    """The pieces of a text, with the values of secret names replaced."""
    done = at = 0
    while (match := NAMED.search(text, at)) is not None:
        at = match.end()
        name = _bare(match)
        strong = is_strongly_secret(name) or name.lower() in _HEADERS
        if not strong and not _may_be_secret(match, name):
            continue
        end = _end_of_value(text, match, name)
        value = text[at:end]
        if not says_nothing(value, strong=strong):
            yield text[done:at] + _in_its_quotes(value)
            done = at = end
    yield text[done:]


def _bare(match: re.Match[str]) -> str:
    """The name without what an option has before it; its end alone, if it is a long one."""
    name = match["option"] or match["name"]
    return (name[2:] if name.startswith("-D") else name.lstrip("-"))[-200:]


def _may_be_secret(match: re.Match[str], name: str) -> bool:
    """Whether a name that means other things too stands for a secret here.

    `KEY = x` of a makefile and `key=x` do, `key = 0;` of C and `auth: x` of prose do not.
    """
    if match["option"] or not is_secret_name(name):
        return False
    sign = match["sign"]
    if "=" not in sign:
        return "'" in sign or '"' in sign
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
    if name.lower() in _HEADERS or ("=" in sign and _begins_line(text, match)):
        return _reached(_LINE, text, at)
    return _reached(_WORD, text, at)


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
    head, line, last = text[max(0, at - 60) : at].rpartition("\n")
    return bool(line or at <= 60) and _ASSIGNING.fullmatch(last) is not None


def _in_its_quotes(value: str) -> str:
    for quote in _QUOTES:
        if len(value) > 2 * len(quote) and value.startswith(quote) and value.endswith(quote):
            return f"{quote}{SECRET}{quote}"
    return SECRET
