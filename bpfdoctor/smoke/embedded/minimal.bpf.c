// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The embedded program: on entry to getcpu(2), if its third argument (which the kernel ignores) is
 * the number in our map, count the call and print one line. That number is random and known to us
 * alone, so this acts on nobody else's call, in whatever PID namespace we are. It returns 1, for on 0
 * the kernel would withhold the event from everyone else who samples this tracepoint.
 *
 * It needs clang alone: what it uses of the kernel is declared here, and it has no global data, so
 * that any kernel takes it which has programs on system calls' tracepoints (4.14).
 */
typedef unsigned int u32;
typedef unsigned long long u64;

#define SEC(name) __attribute__((section(name), used))

enum {
	MAP_TYPE_ARRAY = 2,
	FUNC_MAP_LOOKUP_ELEM = 1,
	FUNC_TRACE_PRINTK = 6,
	FUNC_GET_CURRENT_PID_TGID = 14,
};

static void *(*const map_lookup_elem)(void *map, const void *key) = (void *)FUNC_MAP_LOOKUP_ELEM;
static long (*const trace_printk)(const char *format, u32 size, ...) = (void *)FUNC_TRACE_PRINTK;
static u64 (*const get_current_pid_tgid)(void) = (void *)FUNC_GET_CURRENT_PID_TGID;

struct value {
	u64 magic, hits;
};

/* A map as libbpf reads one: a number is the length of an array that is pointed to. */
struct {
	int (*type)[MAP_TYPE_ARRAY];
	int (*max_entries)[1];
	u32 *key;
	struct value *value;
} ours SEC(".maps");

/* What a tracepoint syscalls:sys_enter_* hands over; its format is in tracefs. */
struct sys_enter {
	u64 common;
	long number;
	u64 arguments[3];
};

SEC("tracepoint/syscalls/sys_enter_getcpu")
int count(struct sys_enter *call)
{
	u32 key = 0;
	struct value *value = map_lookup_elem(&ours, &key);

	if (!value || call->arguments[2] != value->magic)
		return 1;

	char format[] = "bpfdoctor: process %d, number %llx\n";
	__sync_fetch_and_add(&value->hits, 1);
	trace_printk(format, sizeof(format), (u32)(get_current_pid_tgid() >> 32), value->magic);
	return 1;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
