/* SPDX-License-Identifier: BSD-2-Clause */
/* Never compiled: the names of sections that a libbpf says it knows, and where it seeks tracefs. */
static const char *tracefs = "/sys/kernel/tracing";

static const struct section section_defs[] = {
	SEC_DEF("kprobe+", KPROBE),
	SEC_DEF("tracepoint+", TRACEPOINT),
	SEC_DEF("tp+", TRACEPOINT),
};
