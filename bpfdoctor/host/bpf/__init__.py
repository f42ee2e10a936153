"""bpf(2) and perf_event_open(2): load, attach and fire for real, and leave nothing."""
