"""Finds what is secret in a text by how it looks: passwords, tokens, private keys, logins in URLs.

Nothing of the machine is needed for it. Every regular expression here is linear: it begins once in
a run of the characters that it takes, and what decides is Python's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from bpfdoctor.host.redact_allowlist import COMMON, is_public_host
from bpfdoctor.host.redact_values import Replacing
from bpfdoctor.host.secret_assignments import without_named
from bpfdoctor.host.secret_names import SECRET, is_secret_name, is_strongly_secret, says_nothing

_SIGNS = """
token secret passw passphrase pass= pwd cred key auth pin= psk salt cookie session dsn serial ssid
jwt otp webhook machine connection sig bearer basic :/ -u ghp_ gho_ ghu_ ghs_ ghr_ hub_pat
glpat gloas gldt glrt glcbt glptt glft glimt glagent glwt glsoat glffct gr1348941 akia asia abia
acca a3t akc aiza ya29 xox npm_ pypi- k_live k_test sg. sk- hf_ o_v1 p_v1 r_v1 dckr_ hvs. hvb. hvr.
shp sq0 cio glsa_ glc_ dapi pmak nrak atatt age- -us eyj
"""
SIGNS = tuple(_SIGNS.split())
"""Some of it is in every text that holds a secret: most texts are seen at once to hold none."""

UNSIGNED = re.compile(r"\d:[\w-]{35}|[\w-]{6}\.[\w-]{27}|(?:AC|SK)[a-f0-9]{32}")
"""What tokens have that begin with nothing of their own."""

PRIVATE_KEY = re.compile(
    r"-----BEGIN (?:[A-Z0-9]{1,20} ){0,4}PRIVATE KEY(?: BLOCK)?-----"
    r"(?:(?!-----END)[\s\S])*(?:-----END[A-Z0-9 ]*(?:-----)?)?"
)

_SHAPES = (
    r"gh[pousr]_[A-Za-z0-9]{16,}",
    r"github_pat_\w{20,}",
    r"gl(?:pat|oas|dt|rtr?|cbt|ptt|ft|imt|agent|wt|soat|ffct)-[\w-]{16,}",
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
    r"sk-(?:[a-z0-9]{1,12}-){0,3}\w{20,}[\w-]*",
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
    r"(?<![\w-])eyJ[\w-]{5,}\.[\w-]{2,}(?:\.[\w-]*)?",
)
SHAPE = re.compile(rf"(?<![A-Za-z0-9$])(?:{'|'.join(_SHAPES)})")
"""What issuers make so that it can be found: GitHub, GitLab, AWS, Slack, Google … and JWTs."""

BEARER = re.compile(
    r"(?<![\w$-])((?i:bearer) {1,4}(?=[\w.~+/-]{16})|(?i:basic) {1,4}(?=[\w+/]{8,400}=))"
    r"[\w.~+/-]+={0,2}"
)
USER_OPTION = re.compile(r"(?<!\S)(--?(?:proxy-)?u(?:ser)?)([ =]?)([^\s:'\"=$]{1,80}:)(?!\d)\S+")
"""`curl -u NAME:PASSWORD`."""

PASS_WORD = re.compile(
    r"(?<![\w-])(sshpass[ \t]{1,4}-p[ \t]?|pass:(?=\S{4})"
    r"|login[ \t]{1,4}\S{1,100}[ \t]{1,4}passw(?:or)?d[ \t]{1,4})[^\s$'\"]\S*"
)
"""`sshpass -p PASSWORD`, openssl's `pass:PASSWORD`, and a line of .netrc."""

LOGIN = re.compile(
    r"(:/|(?<=ttp:)|(?<=ttps:)|(?<=ssh:)|(?<=git:)|(?<=ftp:))/"
    r"(?:[^\s/'\"<>:@$]{0,80}:[^\s/'\"<>@]*@(?:[^\s/'\"<>@]*@)*"
    r"|[^\s/'\"<>:@$]{1,80}:(?!\d{0,5}(?:[\s/'\"<>?#)]|\Z))[^\s'\"<>@]{1,200}@)"
)
"""A name and a password in a URL; the second form is of one with a slash in it."""

URL_WORD = re.compile(r"(?<![A-Za-z0-9+.])[A-Za-z][A-Za-z0-9+.]*://[^\s'\"<>`]*")
_URL_HOST = re.compile(r"[^/]*://(?:[^/@]*@)*([^/:?#]*)")
QUERY = "?$QUERY"
FRAGMENT = "#$FRAGMENT"
_PUBLIC_QUERY = re.compile(r"(?:(?:id|h|bug|tag|branch|rev|plain)=[\w./-]{1,64}&?)+")


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
        return cls(
            line
            for name, value in environ.items()
            for line in value.split("\n")
            if _is_known_secret(name, line)
        )

    def once(self, text: str) -> str:
        """As `Replacing.once`."""
        if self._known is not None:
            text = self._known.sub(lambda _: SECRET, text)
        lower = text.lower()
        if not any(sign in lower for sign in SIGNS) and UNSIGNED.search(text) is None:
            return text
        text = SHAPE.sub(lambda _: SECRET, PRIVATE_KEY.sub(lambda _: SECRET, text))
        text = "".join(without_named(text))
        text = BEARER.sub(rf"\1{SECRET}", text)
        text = PASS_WORD.sub(rf"\1{SECRET}", text)
        text = USER_OPTION.sub(rf"\1\2{SECRET}", text)
        text = LOGIN.sub(rf"\1/{SECRET}@", text)
        return URL_WORD.sub(_without_query, text)


def _is_known_secret(name: str, value: str) -> bool:
    """Whether the value of an environment variable is looked for in every text."""
    if len(value) < 6 or value.lower() in COMMON or value.startswith(("/", "~")):
        return False
    if is_strongly_secret(name):
        return not says_nothing(value, strong=True)
    plain = value.isalpha() and (value.islower() or value.istitle())
    return is_secret_name(name) and len(value) >= 8 and not plain


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
