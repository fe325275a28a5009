// SPDX-License-Identifier: MIT
/*
 * Reading a flattened device tree (Devicetree Specification 0.4, chapter 5). Pure; the blob may be
 * hostile: every offset and length is checked against its block before it is used, and nothing
 * outside the blob is ever read. A node is named by the offset of its FDT_BEGIN_NODE token in the
 * structure block; the root is 0. Failures are -1 or nullptr.
 */
#pragma once

#include "lib/base.h"

struct fdt {
	const u8 *blob;
	u32 size;			/* totalsize */
	u32 structs, structs_size;	/* offset in the blob, bytes */
	u32 strings, strings_size;
	u32 reserve;
};

constexpr int FDT_DEPTH_MAX = 16;	/* deeper nodes are not found */

/* Checks the header of a blob of at most `max` readable bytes, 4-byte aligned, and that the tree's tokens nest properly. */
[[nodiscard]] bool fdt_open(struct fdt *f, const void *blob, size_t max);
/* Size of the 4-byte aligned blob whose first 8 bytes are readable, 0 if it is none. */
u32 fdt_blob_size(const void *blob);

/* The node behind `node` in document order (parents before children), -1 at the end. *depth is kept up to
 * date: the root has 0. Start with fdt_root(). */
static inline int fdt_root(void) { return 0; }
int fdt_next(const struct fdt *f, int node, int *depth);
/* Children: fdt_child(f, parent) then fdt_sibling, -1 at the end. */
int fdt_child(const struct fdt *f, int node);
int fdt_sibling(const struct fdt *f, int node);
int fdt_parent(const struct fdt *f, int node);
/* The node's name with its unit address, terminated; "" for the root. */
const char *fdt_name(const struct fdt *f, int node);
/* By path ("/cpus/cpu@0"; a component without @ matches any unit address) or by alias (no leading /).
 * A ':' ends the path (stdout-path's options). */
int fdt_find(const struct fdt *f, const char *path);
/* The firmware's console: /chosen's stdout-path, else the alias serial0; -1: none. */
int fdt_stdout(const struct fdt *f);
int fdt_by_phandle(const struct fdt *f, u32 phandle);

/* A property's value and length in bytes; nullptr if there is none. Values are big-endian, 4-byte aligned. */
const void *fdt_prop(const struct fdt *f, int node, const char *name, u32 *len);
/* A value that must be a terminated string; nullptr if it is not. */
const char *fdt_string(const struct fdt *f, int node, const char *name);
/* The i-th string of a list, nullptr behind the last. */
const char *fdt_string_at(const struct fdt *f, int node, const char *name, unsigned i);
/* A value's i-th 32-bit cell; `missing` when it is too short or absent. */
u32 fdt_cell(const struct fdt *f, int node, const char *name, unsigned i, u32 missing);
/* A number of `cells` cells (1 or 2; of 3 the lower two) at p, which is 4-byte aligned. */
u64 fdt_number(const void *p, unsigned cells);
bool fdt_compatible(const struct fdt *f, int node, const char *compatible);
/* Absent, "ok" and "okay" mean usable. */
bool fdt_enabled(const struct fdt *f, int node);

/* The i-th address range of `reg`, translated through the `ranges` of all its parents to what the CPU uses. */
[[nodiscard]] bool fdt_reg(const struct fdt *f, int node, unsigned i, u64 *address, u64 *size);
/* What a device on the node's bus must be told as the address of memory: CPU addresses [cpu, cpu + size) are [bus, …) there, the
 * rest is out of its reach. By the first of the parent's dma-ranges; false without: the same addresses, all of them. */
[[nodiscard]] bool fdt_dma(const struct fdt *f, int node, u64 *bus, u64 *cpu, u64 *size);
/* The i-th memory reservation; false behind the last. */
bool fdt_reserved(const struct fdt *f, unsigned i, u64 *address, u64 *size);
