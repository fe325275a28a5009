// SPDX-License-Identifier: MIT
/* The machine's names. */
#include "proc/uts.h"
#include "lib/lock.h"
#include "lib/string.h"
#include "proc/cred.h"

static struct spinlock names_lock;
static char names[2][UTS_LEN + 1] = { "quire", "(none)" };	/* (names_lock) */

void uts_get(enum uts_name which, char out[UTS_LEN + 1])
{
	scoped_spin(&names_lock);
	memcpy(out, names[which], UTS_LEN + 1);
}

int uts_set(enum uts_name which, const char *name, size_t n)
{
	if (!cred_capable(cred_current(), CAP_SYS_ADMIN))
		return -EPERM;
	if (n > UTS_LEN)
		return -EINVAL;
	scoped_spin(&names_lock);
	memcpy(names[which], name, n);
	memset(names[which] + n, 0, UTS_LEN + 1 - n);
	return 0;
}
