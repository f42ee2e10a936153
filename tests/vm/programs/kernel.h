/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's types as far as these programs read them; each access is relocated at load time,
 * as with a whole vmlinux.h, so that loading needs the running kernel's BTF. */
#ifndef KERNEL_H
#define KERNEL_H

#define __VMLINUX_H__ /* bpf_tracing.h: these are the kernel's own names of registers */

#include <linux/bpf.h>

typedef int pid_t;

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct pt_regs {
#if defined(__TARGET_ARCH_x86)
	unsigned long bp, r10, r8, r9, ax, cx, dx, si, di, orig_ax, ip, sp;
#elif defined(__TARGET_ARCH_arm64)
	unsigned long regs[31], sp, pc;
#endif
};

struct filename {
	const char *name;
};

struct task_struct {
	pid_t pid, tgid;
	char comm[16];
	struct task_struct *real_parent;
};

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

struct ethhdr {
	unsigned char h_dest[6], h_source[6];
	__be16 h_proto;
};

struct iphdr {
	__u8 first, tos;
	__be16 tot_len;
	__be16 id, frag_off;
	__u8 ttl;
};

#pragma clang attribute pop

#endif
