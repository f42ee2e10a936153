"""What is examined: one file a subject, one function a check. Installed as `bpfdoctor.checks`."""
