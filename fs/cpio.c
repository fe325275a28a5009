// SPDX-License-Identifier: MIT
/*
 * A record: 6 bytes of magic, 13 fields of 8 hexadecimal digits, the name with its terminator,
 * padding to 4 bytes, data, padding to 4 bytes. All positions are relative to the start of the
 * bytes.
 */
#include "fs/cpio.h"
#include "lib/string.h"

enum {
	F_INO,
	F_MODE,
	F_UID,
	F_GID,
	F_NLINK,
	F_MTIME,
	F_SIZE,
	F_DEV_MAJOR,
	F_DEV_MINOR,
	F_RDEV_MAJOR,
	F_RDEV_MINOR,
	F_NAME_SIZE,
	F_CHECK,
	FIELDS
};
constexpr size_t HEADER = 6 + FIELDS * 8;

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 32;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool parse_fields(const char *s, u32 field[FIELDS])
{
	for (unsigned i = 0; i < FIELDS; i++) {
		field[i] = 0;
		for (unsigned k = 0; k < 8; k++) {
			int d = digit(*s++);

			if (d < 0)
				return false;
			field[i] = field[i] << 4 | (u32)d;
		}
	}
	return true;
}

/* The next multiple of 4, but not beyond n: the last padding may be cut off. */
static size_t pad(size_t at, size_t n)
{
	return min(align_up(at, 4ul), n);
}

static void strip(struct cpio_entry *e)
{
	for (;;) {
		if (e->name[0] == '/') {
			e->name++;
			e->name_len--;
		} else if (e->name[0] == '.' && e->name[1] == '/') {
			e->name += 2;
			e->name_len -= 2;
		} else {
			return;
		}
	}
}

int cpio_next(const void *archive, size_t n, size_t *at, struct cpio_entry *out)
{
	const char *bytes = archive;
	u32 f[FIELDS];
	size_t pos = *at;

	while (pos < n && !bytes[pos])
		pos++;
	*at = pos;
	if (pos >= n)
		return CPIO_END;
	if (n - pos < HEADER ||
	    (memcmp(bytes + pos, "070701", 6) && memcmp(bytes + pos, "070702", 6)) ||
	    !parse_fields(bytes + pos + 6, f))
		return -EINVAL;
	const char *name = bytes + pos + HEADER;

	if (!f[F_NAME_SIZE] || f[F_NAME_SIZE] > n - pos - HEADER || name[f[F_NAME_SIZE] - 1])
		return -EINVAL;
	size_t data = pad(pos + HEADER + f[F_NAME_SIZE], n);

	if (f[F_SIZE] > n - data)
		return -EINVAL;
	*out = (struct cpio_entry){
		.name = name,
		.name_len = strlen(name),
		.ino = f[F_INO],
		.mode = f[F_MODE],
		.uid = f[F_UID],
		.gid = f[F_GID],
		.nlink = f[F_NLINK],
		.mtime = f[F_MTIME],
		.dev_major = f[F_DEV_MAJOR],
		.dev_minor = f[F_DEV_MINOR],
		.rdev_major = f[F_RDEV_MAJOR],
		.rdev_minor = f[F_RDEV_MINOR],
		.data = (const u8 *)bytes + data,
		.size = f[F_SIZE],
	};
	*at = pad(data + f[F_SIZE], n);
	if (!strcmp(name, "TRAILER!!!"))
		return CPIO_TRAILER;
	strip(out);
	return CPIO_ENTRY;
}
