// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a parameter points to, and what it is read as. vfs_unlink was given the user's namespace, or a
 * map of ids, before its other parameters in Linux 5.12. */
#include "object.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct inode {
	unsigned long i_ino;
};

struct qstr {
	const unsigned char *name;
};

struct dentry {
	struct inode *d_inode;
	struct qstr d_name;
};

struct file {
	struct inode *f_inode;
};

struct linux_binprm {
	struct file *file;
};
#pragma clang attribute pop

static volatile __u64 seen;

#define READS_PROGRAM(name, section, value, ...) \
	SEC(section) int BPF_PROG(name, __VA_ARGS__) \
	{ \
		seen = (__u64)(value); \
		return 0; \
	}

READS_PROGRAM(directory_first, "fentry/vfs_unlink", directory->i_ino, struct inode *directory)
READS_PROGRAM(directory_second, "fentry/vfs_unlink", directory->i_ino, void *users,
	      struct inode *directory)
READS_PROGRAM(entry_second, "fexit/vfs_unlink", entry->d_name.name, struct inode *directory,
	      struct dentry *entry)
READS_PROGRAM(entry_third, "fexit/vfs_unlink", entry->d_name.name, void *users,
	      struct inode *directory, struct dentry *entry)
READS_PROGRAM(file, "lsm/file_open", opened->f_inode, struct file *opened)
READS_PROGRAM(file_as_entry, "lsm/file_open", opened->d_inode, struct dentry *opened)
READS_PROGRAM(deeper, "lsm/file_open", opened->f_inode->i_ino, struct file *opened)
READS_PROGRAM(number_as_file, "lsm/file_ioctl", file->f_inode, void *ioctl, struct file *file)
READS_PROGRAM(started, "tp_btf/sched_process_exec", task->pid, struct task_struct *task)
READS_PROGRAM(started_as_binary, "tp_btf/sched_process_exec", binary->file,
	      struct linux_binprm *binary)
READS_PROGRAM(binary_third, "tp_btf/sched_process_exec", binary->file, struct task_struct *task,
	      int before, struct linux_binprm *binary)
READS_PROGRAM(number_as_task, "tp_btf/sched_process_exec", other->pid, struct task_struct *task,
	      struct task_struct *other)
