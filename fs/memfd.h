// SPDX-License-Identifier: MIT
/* Anonymous files (memfd_create(2)) and their seals. */
#pragma once

#include "lib/base.h"
#include "lib/errno.h"

struct file;

enum : u32 {
	F_SEAL_SEAL = 1,
	F_SEAL_SHRINK = 2,
	F_SEAL_GROW = 4,
	F_SEAL_WRITE = 8,
	F_SEAL_FUTURE_WRITE = 16,
	F_SEAL_EXEC = 32
};
enum : u32 { MFD_CLOEXEC = 1, MFD_ALLOW_SEALING = 2, MFD_NOEXEC_SEAL = 8, MFD_EXEC = 16 };

/* An empty file named "memfd:NAME", open for reading and writing. */
[[nodiscard]] int memfd_new(const char *name, u32 flags, struct file **out);
/* F_ADD_SEALS, F_GET_SEALS: -EINVAL for files that cannot be sealed. */
long memfd_add_seals(struct file *f, u32 seals);
long memfd_get_seals(struct file *f);
