// SPDX-License-Identifier: BSD-2-Clause
#include "run.h"
#include "tc.skel.h"

int main(void)
{
	DECLARE_LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = 1, .attach_point = BPF_TC_INGRESS);
	DECLARE_LIBBPF_OPTS(bpf_tc_opts, place, .handle = 1, .priority = 1);

	prepare();
	struct tc_bpf *program = tc_bpf__open_and_load();
	if (!program)
		return could_not_load();
	int failed = bpf_tc_hook_create(&hook);
	if (failed && failed != -EEXIST)
		return stopped("Failed to create TC hook");
	place.prog_fd = bpf_program__fd(program->progs.on_packet);
	if (bpf_tc_attach(&hook, &place))
		return stopped("Failed to attach TC");
	wait_for_the_end();
	place.flags = place.prog_fd = place.prog_id = 0;
	bpf_tc_detach(&hook, &place);
	hook.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS; /* both: the qdisc goes too */
	bpf_tc_hook_destroy(&hook);
	tc_bpf__destroy(program);
	return 0;
}
