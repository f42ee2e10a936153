/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Writes one byte to stderr: the system call that `minimal` watches. */
void mark(void);
