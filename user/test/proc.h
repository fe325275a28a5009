// SPDX-License-Identifier: MIT
// What the tests of /proc share: reading whole files, and lines of maps and smaps.

#pragma once

#include <fcntl.h>
#include <stdbool.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "user/test/tap.h"

// The file's text, in one buffer that the next call overwrites; "" if it cannot be read (errno).
// It is touched before, so that reading does not change what is read.
static char text[4 << 20];

static inline const char *read_text(const char *path)
{
	size_t n = 0;
	ssize_t got = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	text[0] = '\0';
	if (fd < 0)
		return text;
	while (n < sizeof(text) - 1 && (got = read(fd, text + n, sizeof(text) - 1 - n)) > 0)
		n += got;
	text[n] = '\0';
	if (got < 0)
		text[0] = '\0';
	close(fd);
	return text;
}

// The number behind "name" and blanks at the start of a line; -1: no such line.
static inline long field_in(const char *s, const char *name)
{
	for (const char *line = s; line && *line;
	     line = strchr(line, '\n'), line += line != nullptr)
		if (!strncmp(line, name, strlen(name)))
			return strtol(line + strlen(name), nullptr, 10);
	return -1;
}

static inline long field(const char *path, const char *name)
{
	return field_in(read_text(path), name);
}

static inline bool on_quire(void)
{
	struct utsname u;

	uname(&u);
	return strstr(u.release, "quire");
}

struct mapping {
	unsigned long start, end, offset, ino;
	unsigned major, minor;
	char prot[5], name[256];
};

static inline bool parse_mapping(const char *line, struct mapping *m)
{
	int name = 0;

	m->name[0] = '\0';
	if (sscanf(line, "%lx-%lx %4s %lx %x:%x %lu%n", &m->start, &m->end, m->prot, &m->offset,
		   &m->major, &m->minor, &m->ino, &name) < 7)
		return false;
	line += name;
	while (*line == ' ')
		line++;
	size_t n = strcspn(line, "\n");
	if (n >= sizeof(m->name))
		n = sizeof(m->name) - 1;
	memcpy(m->name, line, n);
	m->name[n] = '\0';
	return true;
}

// The line of maps (or smaps) that holds the address: its text in `text`, or nullptr.
static inline const char *find_mapping(const char *path, const void *at, struct mapping *m)
{
	const char *line = read_text(path);

	while (line && *line) {
		if (parse_mapping(line, m) && m->start <= (unsigned long)at &&
		    (unsigned long)at < m->end)
			return line;
		line = strchr(line, '\n');
		if (line)
			line++;
	}
	return nullptr;
}
