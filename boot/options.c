// SPDX-License-Identifier: MIT
/* The kernel's command line: see boot/options.h. */
#include "boot/options.h"
#include "lib/string.h"

/* Cuts the next word out of *at, its quotes removed in place; nullptr at the end. */
static char *next_word(char **at)
{
	char *s = *at, *to;
	bool quoted = false;

	while (*s == ' ' || *s == '\t' || *s == '\n')
		s++;
	if (!*s)
		return nullptr;
	char *word = to = s;

	for (; *s && (quoted || (*s != ' ' && *s != '\t' && *s != '\n')); s++) {
		if (*s == '"')
			quoted = !quoted;
		else
			*to++ = *s;
	}
	*at = *s ? s + 1 : s;
	*to = '\0';
	return word;
}

/* Behind "name="; nullptr: another word. */
static const char *value_of(const char *word, const char *name)
{
	size_t n = strlen(name);

	return strncmp(word, name, n) == 0 && word[n] == '=' ? word + n + 1 : nullptr;
}

static bool number_of(const char *word, const char *name, u64 *out)
{
	const char *value = value_of(word, name), *end;

	if (!value)
		return false;
	u64 n = str_number(value, &end);

	end += *end == '%';
	if (end != value && !*end)
		*out = n;
	return true;
}

static void parse_number(struct boot_options *o, const char *word)
{
	u64 n = ~0ul;

	if (number_of(word, "loglevel", &n) && n <= 8)
		o->console_level = (int)n;
	if ((number_of(word, "cpus", &n) || number_of(word, "maxcpus", &n)) && n != ~0ul)
		o->cpus = (unsigned)min(max(n, 1ul), (u64)MAX_CPUS);
	number_of(word, "failalloc", &o->fail_alloc);
	n = ~0ul;
	if (number_of(word, "asidbits", &n))
		o->asid_bits = (unsigned)min(n, 16ul);
	n = ~0ul;
	if (number_of(word, "swap", &n) && n <= 90)
		o->swap_percent = (unsigned)n;
}

static void parse_blocks(struct boot_options *o, const char *value)
{
	for (enum block_mode m = BLOCK_NEVER; m <= BLOCK_ALWAYS; m++) {
		if (strcmp(value, block_mode_names[m]) == 0)
			o->blocks = m;
	}
}

/* More than fit are dropped. */
static void parse_console(struct boot_options *o, const char *value)
{
	for (unsigned i = 0; i < BOOT_CONSOLES_MAX; i++) {
		if (!o->console[i]) {
			o->console[i] = value;
			return;
		}
	}
}

static void parse_word(struct boot_options *o, const char *word)
{
	const char *value = value_of(word, "init") ?: value_of(word, "rdinit");

	if (value)
		o->init = *value ? value : nullptr;
	else if (value_of(word, "console"))
		parse_console(o, value_of(word, "console"));
	else if (value_of(word, "trace"))
		o->trace = value_of(word, "trace");
	else if (value_of(word, "transparent_hugepage"))
		parse_blocks(o, value_of(word, "transparent_hugepage"));
	else if (strcmp(word, "quiet") == 0)
		o->console_level = 1;
	else if (strcmp(word, "norandmaps") == 0)
		o->randomize = false;
	else if (strcmp(word, "logunknown") == 0)
		o->log_unknown = true;
	else
		parse_number(o, word);
}

void boot_options_parse(struct boot_options *o, const char *line)
{
	*o = (struct boot_options){ .console_level = 7, .cpus = MAX_CPUS, .randomize = true,
				  .blocks = BLOCK_ALWAYS, .swap_percent = 50, .asid_bits = 16 };
	str_copy(o->text, line, sizeof(o->text));
	char *at = o->text, *word;

	while ((word = next_word(&at)) && strcmp(word, "--") != 0)
		parse_word(o, word);
	while (word && o->nargs < BOOT_ARGS_MAX && (word = next_word(&at)))
		o->args[o->nargs++] = word;
}
