"""Files, directories and file systems, as they are found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bpfdoctor.api.late import late_names

if TYPE_CHECKING:
    from bpfdoctor.host.system.digest import AskDigest as AskDigest, Digest as Digest
    from bpfdoctor.host.system.facts import AskSpace as AskSpace, Space as Space
    from bpfdoctor.host.system.files import (
        FileText as FileText,
        ListDirectory as ListDirectory,
        LookAt as LookAt,
        Names as Names,
        PathFacts as PathFacts,
        ReadFile as ReadFile,
    )
    from bpfdoctor.host.system.mounted import (
        AskFileSystem as AskFileSystem,
        FileSystem as FileSystem,
    )

    List = ListDirectory
    Read = ReadFile
    Text = FileText
else:
    __getattr__, __dir__ = late_names(__name__)
