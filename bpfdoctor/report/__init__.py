"""What a run found, written: documents, the formats that write them, and the registry of these."""
