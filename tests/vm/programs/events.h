/* SPDX-License-Identifier: BSD-2-Clause */
/* What the programs send to user space. */
#ifndef EVENTS_H
#define EVENTS_H

struct started {
	int pid, parent;
	char name[16];
};

struct task {
	int pid;
	long stack;
	char name[16];
};

struct packet {
	unsigned int interface, from, to;
	unsigned short from_port, to_port;
};

struct sample {
	int pid, cpu;
	char name[16];
	long in_kernel, in_user; /* bytes of the two stacks */
	unsigned long long kernel[64], user[64];
};

#endif
