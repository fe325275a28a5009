// SPDX-License-Identifier: MIT
/*
 * Takes the argument words of sys/syscalls.h apart. Pure, and free of the kernel's headers: the
 * tests, which are programs, use it too.
 */
#pragma once

struct argkind {
	char kind[8];		/* "fd", "in", ... */
	char detail[16];	/* behind the colon, or empty */
	int count;		/* the argument that says how many, or -1 */
	bool nullable;
};

static inline const char *argkind_copy(const char *at, char *to, unsigned size)
{
	unsigned n = 0;

	for (; *at && *at != ' ' && *at != ':' && *at != '[' && *at != '?'; at++)
		if (n < size - 1)
			to[n++] = *at;
	to[n] = 0;
	return at;
}

/* The word at `at`; returns where the next one starts, nullptr when there was none. */
static inline const char *argkind_next(const char *at, struct argkind *out)
{
	while (*at == ' ')
		at++;
	if (!*at)
		return nullptr;
	*out = (struct argkind){ .count = -1 };
	at = argkind_copy(at, out->kind, sizeof(out->kind));
	if (*at == ':')
		at = argkind_copy(at + 1, out->detail, sizeof(out->detail));
	if (*at == '[') {
		out->count = at[1] - '0';
		at += 3;
	}
	if (*at == '?') {
		out->nullable = true;
		at++;
	}
	return at;
}

static inline bool argkind_same(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

/* A pointer that the call follows. */
static inline bool argkind_is_pointer(const struct argkind *k)
{
	return argkind_same(k->kind, "in") || argkind_same(k->kind, "out") || argkind_same(k->kind, "io") ||
	       argkind_same(k->kind, "path") || argkind_same(k->kind, "str");
}

/* A pointer to what only the call's end shows. */
static inline bool argkind_is_result(const struct argkind *k)
{
	return argkind_same(k->kind, "out") || argkind_same(k->kind, "io");
}
