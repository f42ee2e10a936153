"""How names of hosts, users and places look in a text. Each expression is linear."""

from __future__ import annotations

import re

TOKEN = r"(?:\$(?:CHECKOUT|CACHE|SCRATCH|USER|HOST|DIR|SECRET)|~)"  # noqa: S105  (not a password)
"""How what was replaced begins; a host's number follows, as plain letters do."""

PLAIN = r"[\w@%+=:,./-]"
"""What shlex.quote leaves unquoted."""

# A word that the shell needed quotes for only because of its tokens, or of what they replaced. The
# digits of a host's token are PLAIN's alone: what can match in two ways is tried in all of them.
QUOTED = re.compile(rf"(?<![^\s(`\"])'({PLAIN}*(?:{TOKEN}{PLAIN}*)*)'(?![^\s)`\".,;:])", re.ASCII)

# A path is replaced where one begins (after an option's letter too: `-I/home/…`) and ends.
PATH_BEGINS = r"(?:(?<![\w.~)}\]*?%+-])|(?<=^-[A-Za-z])|(?<=[\s'\"=:,]-[A-Za-z])|(?<=-isystem))"
PATH_ENDS = r"(?![\w~$+-]|\.[\w~$])"
NAME_BEGINS = r"(?<![^\W_])"
NAME_ENDS = r"(?![^\W_])"

URL = (
    r"(?P<scheme>(?<![A-Za-z0-9+.])[A-Za-z][A-Za-z0-9+.]{1,15}://)"
    r"(?P<login>[^\s/'\"<>]*@)?"
    r"(?P<host>[\w%-]+(?:\.[\w%-]+)*|\[[0-9A-Fa-f:.%]+\])"
)
SCP = (
    r"(?P<scp_login>(?<![\w.$~@+-])[\w.+-]+@)(?!sha\d+:)"
    r"(?P<scp_host>\[[0-9A-Fa-f:.%]+\]|(?=[\d.-]*[A-Za-z.])[A-Za-z0-9][A-Za-z0-9-]*"
    r"(?:\.[A-Za-z0-9-]+)*)(?=:[\w./~])"
)
GIT_HOST = (
    r"(?P<git_host>(?<![^\s'\"=(])(?!file:)[A-Za-z0-9][\w.-]*)(?=:(?!//)[\w./~-]+\.git(?![\w-]))"
)
EMAIL = (
    r"(?P<email>(?<![\w.$~@+%-])[\w.+%-]+@(?:(?:[A-Za-z0-9-]+\.)+"
    r"(?!(?:service|socket|target|timer|mount|slice|scope|plt|so)\b)[A-Za-z]{2,}"
    r"|(?:\d{1,3}\.){3}\d{1,3})(?![\w-]))"
)
MAC = (
    r"(?P<mac>(?<![\w-])[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){5,7}(?![\w:])"
    r"|(?<![\w-])[0-9A-Fa-f]{2}(?:-[0-9A-Fa-f]{2}){5}(?![\w:-]))"
)
UUID = r"(?P<uuid>(?<![\w-])[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}(?![\w-]))"
# A number of four parts behind these words, or one that goes on, is a version.
IP4 = (
    r"(?P<ip>(?<![\w.+~$-])(?<!ersion )(?<!ersion: )(?<!elease )(?<!Linux )(?<!since )"
    r"(?:\d{1,3}\.){3}\d{1,3}(?![\w+~-]|\.\d)"
    r"|(?<![\w:.$])(?:[0-9A-Fa-f]{0,4}:){2,7}(?:[0-9A-Fa-f]{1,4}|(?:\d{1,3}\.){3}\d{1,3})?"
    r"(?![\w:-]|\.\w))"
)
ADDRESSES = "|".join((URL, SCP, GIT_HOST, EMAIL, MAC, UUID, IP4))

OTHERS_HOME = (
    rf"{PATH_BEGINS}(?P<homes>/(?:var/|export/)?home/|/Users/|/mnt/c/Users/|/run/media/|/media/"
    r"|(?<![^\s'\"=:,])~(?=[A-Za-z_][\w-]*/))(?P<other>\w[\w.-]*)"
)
USER_SETTING = (
    r"(?P<setting>(?<!\w)(?i:user(?:_?name)?|logname|login|domain|workgroup)=)"
    r"(?P<setting_user>[A-Za-z][\w.\\-]*)"
)

TELLING = re.compile(
    r"://|[@']|/home/|/Users/|/media/|~\w|\d\.\d{1,3}\.\d|[0-9A-Fa-f]:[0-9A-Fa-f:]|::"
    r"|\.git|[0-9A-Fa-f]-[0-9A-Fa-f]|(?i:user|name|login|domain|workgroup)=",
)
"""What there is in every text in which one of these is found."""


def is_address(text: str) -> bool:
    """Whether a text is the address of some host: not of every host itself, and no mask."""
    import ipaddress  # costs start-up time

    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    mask = text.startswith("255.")
    letters_only = ":" in text and not any(each.isdigit() for each in text)
    return not (address.is_loopback or address.is_unspecified or mask or letters_only)
