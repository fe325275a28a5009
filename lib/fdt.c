// SPDX-License-Identifier: MIT
/*
 * Flattened device trees: a structure block of big-endian tokens, a strings block with property
 * names, a list of reservations. fdt_open() walks all tokens once; after that a token at a node's
 * offset is known to be well-formed, but every read is still bounded by the block.
 *
 * Leaves out: writing, overlays, versions below 17 (2005).
 */
#include "lib/fdt.h"
#include "lib/string.h"

enum fdt_token : u32 {
	FDT_BEGIN_NODE = 1, FDT_END_NODE = 2, FDT_PROP = 3, FDT_NOP = 4, FDT_END = 9,
};

constexpr u32 FDT_MAGIC = 0xd00dfeed;
constexpr u32 FDT_HEADER_SIZE = 40;
constexpr u32 FDT_VERSION = 17;

/* The blob and its blocks are aligned, so all numbers are: one load each, which counts where memory is not cached yet. */
static u32 be32(const void *p)
{
	return __builtin_bswap32(*(const u32 *)p);
}

static bool block_fits(const struct fdt *f, u32 offset, u32 size)
{
	return offset <= f->size && size <= f->size - offset;
}

/* One token and where the next one starts; false at the end of the block or when it does not fit. */
struct token {
	u32 kind, at, next;
	u32 len, name;		/* FDT_PROP */
};

static bool token_read(const struct fdt *f, u32 at, struct token *t)
{
	const u8 *s = f->blob + f->structs;
	u32 left = f->structs_size;

	if (at > left || left - at < 4)
		return false;
	left -= at + 4;
	*t = (struct token){ .kind = be32(s + at), .at = at, .next = at + 4 };
	if (t->kind == FDT_BEGIN_NODE) {
		size_t n = strnlen((const char *)s + t->next, left);

		if (n == left)
			return false;
		t->next += (u32)align_up(n + 1, 4ul);
	} else if (t->kind == FDT_PROP) {
		if (left < 8)
			return false;
		t->len = be32(s + t->next);
		t->name = be32(s + t->next + 4);
		if (t->len > left - 8)
			return false;
		t->next += 8 + align_up(t->len, 4u);
	}
	return true;
}

static bool tokens_valid(const struct fdt *f)
{
	struct token t;
	int depth = 0;

	for (u32 at = 0; token_read(f, at, &t); at = t.next) {
		switch (t.kind) {
		case FDT_BEGIN_NODE:
			depth++;
			break;
		case FDT_END_NODE:
			if (--depth < 0)
				return false;
			break;
		case FDT_PROP:
			if (depth == 0 || t.name >= f->strings_size)
				return false;
			break;
		case FDT_NOP:
			break;
		default:
			return t.kind == FDT_END && depth == 0 && at > 0;
		}
		if (at == 0 && t.kind != FDT_BEGIN_NODE)
			return false;	/* node 0 is the root */
	}
	return false;
}

u32 fdt_blob_size(const void *blob)
{
	return be32(blob) == FDT_MAGIC ? be32((const u8 *)blob + 4) : 0;
}

bool fdt_open(struct fdt *f, const void *blob, size_t max)
{
	const u8 *b = blob;

	*f = (struct fdt){ .blob = b };
	if (max < FDT_HEADER_SIZE || !is_aligned((u64)b, 4) || fdt_blob_size(b) < FDT_HEADER_SIZE || fdt_blob_size(b) > max)
		return false;
	f->size = fdt_blob_size(b);
	f->structs = be32(b + 8);
	f->strings = be32(b + 12);
	f->reserve = be32(b + 16);
	f->strings_size = be32(b + 32);
	f->structs_size = be32(b + 36);
	if (be32(b + 20) < FDT_VERSION || be32(b + 24) > FDT_VERSION)
		return false;
	if (!block_fits(f, f->structs, f->structs_size) || f->structs % 4 || f->structs_size > INT_MAX)
		return false;
	if (!block_fits(f, f->strings, f->strings_size) || !block_fits(f, f->reserve, 0) ||
	    f->reserve % 4)
		return false;
	/* The last string ends inside the block, hence all do. */
	if (f->strings_size && b[f->strings + f->strings_size - 1] != 0)
		return false;
	return tokens_valid(f);
}

int fdt_next(const struct fdt *f, int node, int *depth)
{
	struct token t;
	u32 at = (u32)node;

	if (node < 0 || !token_read(f, at, &t) || t.kind != FDT_BEGIN_NODE)
		return -1;
	for (at = t.next; token_read(f, at, &t) && t.kind != FDT_END; at = t.next) {
		if (t.kind == FDT_BEGIN_NODE) {
			++*depth;
			return (int)at;
		}
		if (t.kind == FDT_END_NODE)
			--*depth;
	}
	return -1;
}

int fdt_child(const struct fdt *f, int node)
{
	int depth = 0, child = fdt_next(f, node, &depth);

	return depth == 1 ? child : -1;
}

int fdt_sibling(const struct fdt *f, int node)
{
	int depth = 0;

	do {
		node = fdt_next(f, node, &depth);
	} while (node >= 0 && depth > 0);
	return depth == 0 ? node : -1;
}

int fdt_parent(const struct fdt *f, int node)
{
	int path[FDT_DEPTH_MAX];
	int depth = 0;

	for (int n = fdt_root(); n >= 0; n = fdt_next(f, n, &depth)) {
		if (n == node)
			return depth > 0 && depth <= FDT_DEPTH_MAX ? path[depth - 1] : -1;
		if (depth >= 0 && depth < FDT_DEPTH_MAX)
			path[depth] = n;
	}
	return -1;
}

const char *fdt_name(const struct fdt *f, int node)
{
	struct token t;

	if (node < 0 || !token_read(f, (u32)node, &t) || t.kind != FDT_BEGIN_NODE)
		return "";
	return (const char *)f->blob + f->structs + t.at + 4;
}

/* Does a node's name match a path component of n bytes? */
static bool name_matches(const char *name, const char *part, size_t n)
{
	if (strncmp(name, part, n) != 0)
		return false;
	return name[n] == '\0' || (name[n] == '@' && !memchr(part, '@', n));
}

static size_t part_length(const char *path)
{
	size_t n = 0;

	while (path[n] && path[n] != '/' && path[n] != ':')
		n++;
	return n;
}

/* The root's property in /aliases whose name is the first n bytes of `alias`. */
static int find_alias(const struct fdt *f, const char *alias, size_t n)
{
	char name[32];
	const char *path;

	if (n >= sizeof(name))
		return -1;
	memcpy(name, alias, n);
	name[n] = '\0';
	path = fdt_string(f, fdt_find(f, "/aliases"), name);
	return path && path[0] == '/' ? fdt_find(f, path) : -1;
}

int fdt_find(const struct fdt *f, const char *path)
{
	int node = fdt_root();

	if (path[0] != '/') {
		size_t n = part_length(path);

		node = find_alias(f, path, n);
		path += n;
	}
	while (node >= 0 && *path == '/') {
		size_t n = part_length(++path);

		if (n == 0)
			break;
		for (node = fdt_child(f, node); node >= 0; node = fdt_sibling(f, node))
			if (name_matches(fdt_name(f, node), path, n))
				break;
		path += n;
	}
	return node;
}

int fdt_stdout(const struct fdt *f)
{
	const char *path = fdt_string(f, fdt_find(f, "/chosen"), "stdout-path");

	return fdt_find(f, path ? path : "serial0");
}

int fdt_by_phandle(const struct fdt *f, u32 phandle)
{
	int depth = 0;

	if (phandle == 0)
		return -1;
	for (int n = fdt_root(); n >= 0; n = fdt_next(f, n, &depth))
		if (fdt_cell(f, n, "phandle", 0, 0) == phandle)
			return n;
	return -1;
}

const void *fdt_prop(const struct fdt *f, int node, const char *name, u32 *len)
{
	struct token t;
	const char *strings = (const char *)f->blob + f->strings;

	*len = 0;
	if (node < 0 || !token_read(f, (u32)node, &t) || t.kind != FDT_BEGIN_NODE)
		return nullptr;
	/* Properties come before the first child. */
	for (u32 at = t.next; token_read(f, at, &t); at = t.next) {
		if (t.kind == FDT_NOP)
			continue;
		if (t.kind != FDT_PROP)
			break;
		if (t.name < f->strings_size && strcmp(strings + t.name, name) == 0) {
			*len = t.len;
			return f->blob + f->structs + t.at + 12;
		}
	}
	return nullptr;
}

const char *fdt_string_at(const struct fdt *f, int node, const char *name, unsigned i)
{
	u32 len;
	const char *s = fdt_prop(f, node, name, &len);

	while (s && len > 0) {
		size_t n = strnlen(s, len);

		if (n == len)
			return nullptr;
		if (i-- == 0)
			return s;
		s += n + 1;
		len -= (u32)n + 1;
	}
	return nullptr;
}

const char *fdt_string(const struct fdt *f, int node, const char *name)
{
	return fdt_string_at(f, node, name, 0);
}

u32 fdt_cell(const struct fdt *f, int node, const char *name, unsigned i, u32 missing)
{
	u32 len;
	const u8 *p = fdt_prop(f, node, name, &len);

	return p && len / 4 > i ? be32(p + 4ul * i) : missing;
}

u64 fdt_number(const void *p, unsigned cells)
{
	const u8 *b = p;
	u64 v = 0;

	for (unsigned i = 0; i < cells; i++)
		v = v << 32 | be32(b + 4ul * i);
	return v;
}

bool fdt_compatible(const struct fdt *f, int node, const char *compatible)
{
	const char *s;

	for (unsigned i = 0; (s = fdt_string_at(f, node, "compatible", i)); i++)
		if (strcmp(s, compatible) == 0)
			return true;
	return false;
}

bool fdt_enabled(const struct fdt *f, int node)
{
	const char *status = fdt_string(f, node, "status");

	return !status || strcmp(status, "okay") == 0 || strcmp(status, "ok") == 0;
}

/* Numbers of cells that a node's children use; the defaults are the specification's. */
struct cells {
	u32 address, size;
};

static bool node_cells(const struct fdt *f, int node, struct cells *c)
{
	c->address = fdt_cell(f, node, "#address-cells", 0, 2);
	c->size = fdt_cell(f, node, "#size-cells", 0, 1);
	return c->address >= 1 && c->address <= 3 && c->size <= 2;
}

/* From the address space of bus's children to that of bus's own parent. */
static bool translate(const struct fdt *f, int bus, int parent, u64 *address)
{
	struct cells c, p;
	u32 len;
	const u8 *r = fdt_prop(f, bus, "ranges", &len);

	if (!r || !node_cells(f, bus, &c) || !node_cells(f, parent, &p))
		return false;
	if (len == 0)
		return true;	/* the same addresses */
	u32 step = 4 * (c.address + p.address + c.size);

	for (; len >= step; r += step, len -= step) {
		u64 from = fdt_number(r, c.address);
		u64 to = fdt_number(r + 4 * c.address, p.address);
		u64 size = fdt_number(r + 4 * (c.address + p.address), c.size);

		if (*address >= from && *address - from < size) {
			*address = *address - from + to;
			return true;
		}
	}
	return false;
}

bool fdt_reg(const struct fdt *f, int node, unsigned i, u64 *address, u64 *size)
{
	int bus = fdt_parent(f, node), parent;
	struct cells c;
	u32 len;
	const u8 *r = fdt_prop(f, node, "reg", &len);

	if (!r || bus < 0 || !node_cells(f, bus, &c))
		return false;
	u32 step = 4 * (c.address + c.size);

	if (len / step <= i)
		return false;
	*address = fdt_number(r + i * step, c.address);
	*size = fdt_number(r + i * step + 4 * c.address, c.size);
	for (; (parent = fdt_parent(f, bus)) >= 0; bus = parent)
		if (!translate(f, bus, parent, address))
			return false;
	return *address + *size >= *address;
}

bool fdt_dma(const struct fdt *f, int node, u64 *bus, u64 *cpu, u64 *size)
{
	int parent = fdt_parent(f, node), above = parent < 0 ? -1 : fdt_parent(f, parent);
	struct cells c, p;
	u32 len;
	const u8 *r = fdt_prop(f, parent, "dma-ranges", &len);

	if (!r || above < 0 || !node_cells(f, parent, &c) || !node_cells(f, above, &p) ||
	    len < 4 * (c.address + p.address + c.size))
		return false;
	*bus = fdt_number(r, c.address);
	*cpu = fdt_number(r + 4 * c.address, p.address);
	*size = fdt_number(r + 4 * (c.address + p.address), c.size);
	return *size != 0;
}

bool fdt_reserved(const struct fdt *f, unsigned i, u64 *address, u64 *size)
{
	u64 at = f->reserve + 16ul * i;

	if (at + 16 > f->size)
		return false;
	*address = fdt_number(f->blob + at, 2);
	*size = fdt_number(f->blob + at + 8, 2);
	return *address || *size;
}
