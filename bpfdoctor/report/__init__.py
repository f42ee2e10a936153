"""What a run found, written: documents, the formats that write them, and the registry of these."""

TEXT = "text"
"""The format that standard output carries unless something else is asked for."""
JSON = "json"
"""The format that `--json` asks for."""
