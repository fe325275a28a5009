// SPDX-License-Identifier: MIT
/* The names of the system that may change. Locks: names_lock, a leaf. */
#include "proc/system.h"

#include "lib/lock.h"
#include "lib/string.h"

static struct spinlock names_lock;
static char hostname[SYSTEM_NAME_MAX + 1] = "quire";
static char domainname[SYSTEM_NAME_MAX + 1] = "(none)";

static void get(char *buf, const char *name)
{
	scoped_spin(&names_lock);
	memcpy(buf, name, SYSTEM_NAME_MAX + 1);
}

static void set(char *to, const char *name, size_t n)
{
	scoped_spin(&names_lock);
	memset(to, 0, SYSTEM_NAME_MAX + 1);
	memcpy(to, name, min(n, SYSTEM_NAME_MAX));
}

void system_hostname(char *buf) { get(buf, hostname); }
void system_domainname(char *buf) { get(buf, domainname); }
void system_set_hostname(const char *name, size_t n) { set(hostname, name, n); }
void system_set_domainname(const char *name, size_t n) { set(domainname, name, n); }
