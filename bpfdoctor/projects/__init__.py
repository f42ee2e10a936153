"""Project kinds: one TOML file each, and the reader that recognises a checkout."""
