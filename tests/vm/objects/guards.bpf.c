// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Programs that ask the kernel before they use what it may lack, and those that do not. */
#include "object.h"


enum bpf_func_id___future {
	BPF_FUNC_from_the_future___future = 9999,
	BPF_FUNC_ktime_get_tai_ns___future = 208,
};

static long (*from_the_future)(void) = (void *)9999;
static unsigned long (*exact_time)(void) = (void *)208;

struct task_struct___other {
	int pid, never_a_field;
} __attribute__((preserve_access_index));

struct never_a_struct {
	int field;
} __attribute__((preserve_access_index));

SEC("raw_tp/sched_process_exec") int asks_for_helper(void *context)
{
	if (bpf_core_enum_value_exists(enum bpf_func_id___future, BPF_FUNC_from_the_future___future))
		return from_the_future();
	return 0;
}

SEC("raw_tp/sched_process_exec") int asks_for_time(void *context)
{
	if (bpf_core_enum_value_exists(enum bpf_func_id___future, BPF_FUNC_ktime_get_tai_ns___future))
		return exact_time() == 0;
	return 0;
}

SEC("raw_tp/sched_process_exec") int calls_for_time(void *context)
{
	return exact_time() == 0;
}

SEC("raw_tp/sched_process_exec") int asks_for_field(void *context)
{
	struct task_struct___other *task = (void *)bpf_get_current_task();
	int value = 0;

	if (bpf_core_field_exists(task->never_a_field))
		value = BPF_CORE_READ(task, never_a_field);
	return value == 1;
}

SEC("raw_tp/sched_process_exec") int uses_field(void *context)
{
	struct task_struct___other *task = (void *)bpf_get_current_task();

	return BPF_CORE_READ(task, never_a_field) == 1;
}

SEC("raw_tp/sched_process_exec") int uses_known_field(void *context)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	return BPF_CORE_READ(task, real_parent, pid) == 1;
}

SEC("raw_tp/sched_process_exec") int asks_for_type(void *context)
{
	struct never_a_struct *lost = (void *)bpf_get_current_task();

	return bpf_core_type_exists(struct never_a_struct) ? BPF_CORE_READ(lost, field) : 0;
}

SEC("raw_tp/sched_process_exec") int uses_type(void *context)
{
	struct never_a_struct *lost = (void *)bpf_get_current_task();

	return BPF_CORE_READ(lost, field) == 1;
}

SEC("fentry/vfs_unlink") int entry_asks_for_helper(void *context)
{
	if (bpf_core_enum_value_exists(enum bpf_func_id___future, BPF_FUNC_from_the_future___future))
		return from_the_future();
	return 0;
}

SEC("raw_tp/sched_process_exec") int size_of_lost_type(void *context)
{
	return bpf_core_type_size(struct never_a_struct) == 1;
}
