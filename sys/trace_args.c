// SPDX-License-Identifier: MIT
/*
 * Arguments as text. All that is behind a pointer is fetched with the copies of mm/user.h and shown
 * as a bare address if that fails. Long things are cut off and end in "...".
 */
#include "sys/trace.h"
#include "fs/file.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "mm/user.h"
#include "proc/signal.h"
#include "sys/syscall.h"
#include "sys/syscalls.h"
#include "sys/trace_names.h"

constexpr size_t STRING_SHOWN = 64;
constexpr unsigned ELEMENTS_SHOWN = 16;

#define TYPE(name, generic, x86, fields) { #name, ABI_GENERIC ? (generic) : (x86), fields },
static const struct type {
	const char *name;
	size_t size;
	const char *fields;
} types[] = { SYSCALL_TYPES(TYPE) };

void line_add(struct trace_line *l, const char *fmt, ...)
{
	size_t room = sizeof(l->text) - l->n;
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(l->text + l->n, room, fmt, ap);

	va_end(ap);
	l->n += min((size_t)n, room - 1);
}

/* ---- bytes and strings */

static void add_char(struct trace_line *l, u8 c)
{
	switch (c) {
	case '\n': line_add(l, "\\n"); break;
	case '\t': line_add(l, "\\t"); break;
	case '\r': line_add(l, "\\r"); break;
	case '"': line_add(l, "\\\""); break;
	case '\\': line_add(l, "\\\\"); break;
	default: line_add(l, c < ' ' || c > '~' ? "\\%o" : "%c", c);
	}
}

static void add_quoted(struct trace_line *l, const char *s, size_t n, bool cut)
{
	line_add(l, "\"");
	for (size_t i = 0; i < n; i++)
		add_char(l, (u8)s[i]);
	line_add(l, cut ? "\"..." : "\"");
}

static void add_bytes(struct trace_line *l, va_t at, u64 n)
{
	char text[STRING_SHOWN];
	size_t part = min(n, sizeof(text));

	if (copy_from_user(text, at, part))
		line_add(l, "%#lx", at);
	else
		add_quoted(l, text, part, part < n);
}

static void add_string(struct trace_line *l, va_t at)
{
	char text[STRING_SHOWN + 1];
	long n = copy_string_from_user(text, at, sizeof(text));

	if (n < 0 && n != -ENAMETOOLONG)
		line_add(l, "%#lx", at);
	else
		add_quoted(l, text, n < 0 ? STRING_SHOWN : (size_t)n, n < 0);
}

static void add_strings(struct trace_line *l, va_t at)
{
	va_t s;

	line_add(l, "[");
	for (unsigned i = 0; !get_user(s, at + i * sizeof(s)) && s; i++) {
		line_add(l, i ? ", " : "");
		if (i == ELEMENTS_SHOWN) {
			line_add(l, "...");
			break;
		}
		add_string(l, s);
	}
	line_add(l, "]");
}

static void count_strings(struct trace_line *l, va_t at)
{
	va_t s;
	unsigned n = 0;

	while (n < 10000 && !get_user(s, at + n * sizeof(s)) && s)
		n++;
	line_add(l, "%#lx /* %u vars */", at, n);
}

/* ---- values by name */

static void add_one(struct trace_line *l, const char *set, u64 value)
{
	for (const struct value_name *v = trace_names(set); v && v->name; v++) {
		if (!v->mask && v->value == value) {
			line_add(l, "%s", v->name);
			return;
		}
	}
	line_add(l, value > 255 ? "%#lx" : "%lu", value);
}

static void add_bits(struct trace_line *l, const char *set, u64 value)
{
	u64 left = value;
	const char *sep = "";

	for (const struct value_name *v = trace_names(set); v && v->name; v++) {
		u64 mask = v->mask ? v->mask : v->value;

		if ((value & mask) != v->value || (v->value & ~left))
			continue;
		if (!v->value && (left & mask))
			continue;
		line_add(l, "%s%s", sep, v->name);
		left &= ~mask;
		sep = "|";
	}
	if (left)
		line_add(l, "%s%#lx", sep, left);
	else if (!*sep)
		line_add(l, "0");
}

static void add_signals(struct trace_line *l, u64 set)
{
	const char *sep = "";

	bool most = __builtin_popcountl(set) > NSIG / 2;

	if (most)
		set = ~set;
	line_add(l, most ? "~[" : "[");
	for (int sig = 1; sig <= NSIG; sig++) {
		if (!(set & sig_bit(sig)))
			continue;
		const char *name = trace_signal_name(sig);

		line_add(l, name ? "%s%s" : "%s%.0sRT_%d", sep, name ? name : "", sig - 32);
		sep = " ";
	}
	line_add(l, "]");
}

static void add_wait_status(struct trace_line *l, u32 status)
{
	if (!(status & 0x7f))
		line_add(l, "[exited %u]", status >> 8 & 0xff);
	else if ((status & 0xff) == 0x7f)
		line_add(l, status == 0xffff ? "[continued]" : "[stopped by %u]", status >> 8 & 0xff);
	else
		line_add(l, "[killed by %s]", trace_signal_name((int)status & 0x7f) ?: "RT");
}

/* ---- what pointers point to */

static const struct type *type_find(const char *name)
{
	for (unsigned i = 0; i < ARRAY_SIZE(types); i++)
		if (!strcmp(types[i].name, name))
			return &types[i];
	return nullptr;
}

static void add_field(struct trace_line *l, char kind, va_t at)
{
	u32 word = 0;
	u64 value = 0;

	if (kind == 'l' || kind == 'x' || kind == 'S' ? get_user(value, at) : get_user(word, at)) {
		line_add(l, "?");
		return;
	}
	switch (kind) {
	case 'd': line_add(l, "%d", (int)word); break;
	case 'u': line_add(l, "%u", word); break;
	case 'w': line_add(l, "%#x", word); break;
	case 'l': line_add(l, "%ld", (long)value); break;
	case 'S': add_signals(l, value); break;
	default: line_add(l, "%#lx", value);
	}
}

static void add_struct(struct trace_line *l, const struct type *t, va_t at)
{
	const char *s = t->fields, *end;

	line_add(l, "{");
	while (*s) {
		const char *colon = strchr(s, ':');

		line_add(l, "%.*s=", (int)(colon - s), s);
		u64 offset = str_number(colon + 2, &end);

		add_field(l, colon[1], at + offset);
		if (*end)
			line_add(l, ", ");
		s = *end ? end + 1 : end;
	}
	line_add(l, "}");
}

static void add_element(struct trace_line *l, const struct type *t, va_t at)
{
	if (*t->fields)
		add_struct(l, t, at);
	else if (!strcmp(t->name, "int"))
		add_field(l, 'd', at);
	else if (!strcmp(t->name, "long"))
		add_field(l, 'l', at);
	else if (!strcmp(t->name, "sigset"))
		add_field(l, 'S', at);
	else
		line_add(l, "...");
}

static void add_array(struct trace_line *l, const struct type *t, va_t at, u64 n)
{
	line_add(l, "[");
	for (u64 i = 0; i < n && i < ELEMENTS_SHOWN; i++) {
		line_add(l, i ? ", " : "");
		add_element(l, t, at + i * t->size);
	}
	line_add(l, n > ELEMENTS_SHOWN ? ", ...]" : "]");
}

/* Things with a form of their own; false: no such thing. */
static bool add_special(struct trace_line *l, const char *type, va_t at)
{
	int pair[2];

	if (!strcmp(type, "argv"))
		add_strings(l, at);
	else if (!strcmp(type, "envp"))
		count_strings(l, at);
	else if (!strcmp(type, "int2") && !get_user(pair, at))
		line_add(l, "[%d, %d]", pair[0], pair[1]);
	else if (!strcmp(type, "wstatus") && !get_user(pair[0], at))
		add_wait_status(l, (u32)pair[0]);
	else if (!strcmp(type, "utsname"))
		add_string(l, at);
	else
		return false;
	return true;
}

static bool readable(va_t at, size_t n)
{
	u8 probe;

	return !get_user(probe, at) && !get_user(probe, at + max(n, 1ul) - 1);
}

static void add_pointed(struct trace_line *l, const struct trapframe *f, const struct argkind *k, va_t at,
			long result)
{
	const struct type *t = type_find(k->detail);
	bool out = argkind_is_result(k);
	u64 n = k->count >= 0 ? frame_arg(f, (unsigned)k->count) : 1;

	if (!at) {
		line_add(l, "NULL");
	} else if (!t || (out && result < 0) || !readable(at, t->size)) {
		line_add(l, "%#lx", at);
	} else if (!strcmp(t->name, "bytes") && k->count >= 0) {
		add_bytes(l, at, out && (u64)result < n ? (u64)result : n);
	} else if (add_special(l, t->name, at)) {
		return;
	} else if (t->size == 1 || (k->count < 0 && !*t->fields && strcmp(t->name, "int") &&
				    strcmp(t->name, "long") && strcmp(t->name, "sigset"))) {
		line_add(l, "%#lx", at);
	} else if (k->count < 0 && *t->fields) {
		add_struct(l, t, at);
	} else {
		add_array(l, t, at, out && (u64)result < n && !argkind_same(k->kind, "io") ? (u64)result : n);
	}
}

/* ---- arguments */

static void add_number(struct trace_line *l, const char *kind, u64 value)
{
	if (!strcmp(kind, "uint") || !strcmp(kind, "uid"))
		line_add(l, (int)value == -1 ? "-1" : "%u", (u32)value);
	else if (!strcmp(kind, "long") || !strcmp(kind, "off"))
		line_add(l, "%ld", (long)value);
	else if (!strcmp(kind, "size") || !strcmp(kind, "ulong"))
		line_add(l, "%lu", value);
	else if (!strcmp(kind, "mode"))
		line_add(l, "0%o", (u32)value);
	else if (!strcmp(kind, "sig") && trace_signal_name((int)value))
		line_add(l, "SIG%s", trace_signal_name((int)value));
	else if (!strcmp(kind, "clock"))
		add_one(l, kind, (u32)value);
	else if (!strcmp(kind, "addr") && !value)
		line_add(l, "NULL");
	else if (!strcmp(kind, "hex") || !strcmp(kind, "addr") || !strcmp(kind, "any") || !strcmp(kind, "dev"))
		line_add(l, "%#lx", value);
	else
		line_add(l, "%d", (int)value);
}

void line_add_arg(struct trace_line *l, const struct trapframe *f, const struct argkind *k, unsigned i, long result)
{
	u64 value = frame_arg(f, i);

	if (argkind_is_pointer(k) && *k->detail)
		add_pointed(l, f, k, value, result);
	else if (argkind_is_pointer(k))
		value ? add_string(l, value) : line_add(l, "NULL");
	else if (!strcmp(k->kind, "dirfd") && (int)value == AT_FDCWD)
		line_add(l, "AT_FDCWD");
	else if (!strcmp(k->kind, "one"))
		add_one(l, k->detail, (u32)value);
	else if (!strcmp(k->kind, "flags") || !strcmp(k->kind, "bits"))
		add_bits(l, k->detail, strcmp(k->detail, "clone") ? (u32)value : value);
	else
		add_number(l, k->kind, value);
}
