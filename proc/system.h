// SPDX-License-Identifier: MIT
/* What the system is called (uname(2)); one set, there being no namespaces. */
#pragma once

#include "lib/base.h"

/* As programs are told: they ask whether this is Linux, and how new, to know what calls there are. */
#define SYSTEM_NAME "Linux"
#define SYSTEM_RELEASE "6.6.0-quire"
#define SYSTEM_VERSION "#1 SMP PREEMPT Quire"

constexpr size_t SYSTEM_NAME_MAX = 64;

/* Copies of the names that may change, terminated: buf holds SYSTEM_NAME_MAX + 1 bytes. */
void system_hostname(char *buf);
void system_domainname(char *buf);
/* n <= SYSTEM_NAME_MAX bytes. */
void system_set_hostname(const char *name, size_t n);
void system_set_domainname(const char *name, size_t n);
