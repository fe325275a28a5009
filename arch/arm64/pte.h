// SPDX-License-Identifier: MIT
/*
 * arm64 page-table entries: VMSAv8-64, 4 KiB granule, four levels, 48 bits (Arm ARM D8.3). Pure.
 *
 * The architecture counts levels downwards; here level 0 maps pages, level 3 is the root. What the
 * hardware cannot say is kept in the four bits it leaves to software: shared, dirty, "user's" (a
 * leaf of a user that may not touch it looks like one of the kernel) and "not readable" (the hardware
 * has no write-only page).
 */
#pragma once

#include "lib/base.h"

struct pte;

constexpr int PT_LEVELS = 4;
constexpr int PT_LEAF_MAX = 2;
constexpr bool PT_HIER_WP = true;	/* APTable[1] */
constexpr bool TLB_BROADCAST = true;
constexpr int ASID_BITS_MAX = 16;

/* TTBR0 translates the lower 2^48 bytes, all of them the user's; TTBR1 the upper ones. */
constexpr va_t USER_END = 1ul << 48;
constexpr unsigned USER_ROOT_SLOTS = 512;
constexpr int ARCH_MAP_32BIT = 0;	/* mmap(2): there is no such flag */
constexpr va_t DIRECT_BASE = 0xffff'0000'0000'0000;	/* 128 TiB */
constexpr va_t KMAP_BASE = 0xffff'8000'0000'0000;
constexpr va_t KMAP_END = 0xffff'8080'0000'0000;	/* 512 GiB: one root slot */
constexpr va_t KERNEL_BASE = 0xffff'ff80'0000'0000;	/* the last root slot; kernel.ld has it too */

/* Indices into MAIR_EL1 (cpu_setup in head.S). */
enum arm64_mair : u64 { MAIR_NORMAL, MAIR_DEVICE, MAIR_UNCACHED };

enum arm64_pte : u64 {
	A64_VALID = BIT(0),
	A64_TABLE = BIT(1),		/* level > 0: a table; level 0: must be set */
	A64_ATTR_SHIFT = 2,
	A64_ATTR_MASK = 7ul << 2,
	A64_AP_EL0 = BIT(6),
	A64_AP_RO = BIT(7),
	A64_SH_INNER = 3ul << 8,
	A64_AF = BIT(10),
	A64_NG = BIT(11),
	A64_ADDR = 0x0000'ffff'ffff'f000,
	A64_PXN = BIT(53),
	A64_UXN = BIT(54),
	A64_SW_SHARED = BIT(55),
	A64_SW_DIRTY = BIT(56),
	A64_SW_USER = BIT(57),
	A64_SW_NOREAD = BIT(58),
	A64_APTABLE_RO = BIT(62),	/* in a table slot: no writes below */
	A64_RIGHTS = A64_AP_EL0 | A64_AP_RO | A64_PXN | A64_UXN | A64_SW_NOREAD,
	A64_SWAP = BIT(2),		/* in a non-present entry: keeps payload 0 from being empty */
	A64_SWAP_SHIFT = 3,
};

constexpr u64 PTE_ADDRESS = A64_ADDR;

static inline enum pte_kind pte_kind(struct pte e, int level)
{
	if (!e.raw)
		return PTE_EMPTY;
	if (!(e.raw & A64_VALID))
		return PTE_SWAP;
	return level > 0 && (e.raw & A64_TABLE) ? PTE_TABLE : PTE_LEAF;
}

/* Not for the hardware: empty, or a swap entry. */
static inline bool pte_absent(struct pte e)
{
	return !(e.raw & A64_VALID);
}

/* A user's leaf is never executable in the kernel and the other way round. Execute-only pages
 * of users have AP_EL0 clear: also the kernel's unprivileged loads then fault, as they should. */
static inline u64 pte_rights_(u32 prot)
{
	bool user = prot & P_USER;
	u64 raw = 0;

	if (user && (prot & (P_R | P_W)))
		raw |= A64_AP_EL0;
	if (!(prot & P_W))
		raw |= A64_AP_RO;
	if (!user || !(prot & P_X))
		raw |= A64_UXN;
	if (user || !(prot & P_X))
		raw |= A64_PXN;
	if (!(prot & P_R))
		raw |= A64_SW_NOREAD;
	return raw;
}

static inline u64 pte_memory_(u32 prot)
{
	u64 type = prot & P_DEVICE ? MAIR_DEVICE : prot & P_UNCACHED ? MAIR_UNCACHED : MAIR_NORMAL;

	return type << A64_ATTR_SHIFT | A64_SH_INNER;
}

static inline struct pte pte_leaf(struct pa pa, int level, u32 prot)
{
	u64 raw = pa.v | A64_VALID | (level == 0 ? A64_TABLE : 0);

	raw |= pte_rights_(prot) | pte_memory_(prot);
	raw |= prot & P_ACCESSED ? A64_AF : 0;
	raw |= prot & P_GLOBAL ? 0 : A64_NG;
	raw |= prot & P_SHARED ? A64_SW_SHARED : 0;
	raw |= prot & P_DIRTY ? A64_SW_DIRTY : 0;
	raw |= prot & P_USER ? A64_SW_USER : 0;
	return (struct pte){ raw };
}

static inline struct pte pte_with_rights(struct pte e, int level, u32 rwx)
{
	u64 raw = (e.raw & ~A64_RIGHTS) | pte_rights_(rwx | (e.raw & A64_SW_USER ? P_USER : 0));

	(void)level;
	return (struct pte){ raw | (rwx & P_W ? A64_SW_DIRTY : 0) };
}

static inline struct pa pte_pa(struct pte e, int level)
{
	return (struct pa){ e.raw & A64_ADDR & ~((1ul << (PAGE_SHIFT + 9 * level)) - 1) };
}

static inline u32 pte_prot(struct pte e, int level)
{
	u64 raw = e.raw, type = (raw & A64_ATTR_MASK) >> A64_ATTR_SHIFT;
	u64 no_exec = raw & A64_SW_USER ? A64_UXN : A64_PXN;
	u32 prot = type == MAIR_DEVICE ? P_DEVICE : type == MAIR_UNCACHED ? P_UNCACHED : 0;

	(void)level;
	prot |= raw & A64_SW_NOREAD ? 0 : P_R;
	prot |= raw & A64_AP_RO ? 0 : P_W;
	prot |= raw & no_exec ? 0 : P_X;
	prot |= raw & A64_SW_USER ? P_USER : 0;
	prot |= raw & A64_SW_SHARED ? P_SHARED : 0;
	prot |= raw & A64_SW_DIRTY ? P_DIRTY : 0;
	prot |= raw & A64_AF ? P_ACCESSED : 0;
	prot |= raw & A64_NG ? 0 : P_GLOBAL;
	return prot;
}

static inline struct pte pte_table(struct pa table)
{
	return (struct pte){ table.v | A64_VALID | A64_TABLE };
}

static inline struct pa pte_table_pa(struct pte e)
{
	return (struct pa){ e.raw & A64_ADDR };
}

static inline u64 pte_write_bit_(struct pte e, int level)
{
	return pte_kind(e, level) == PTE_TABLE ? A64_APTABLE_RO : A64_AP_RO;
}

static inline struct pte pte_wprotect(struct pte e, int level)
{
	return (struct pte){ e.raw | pte_write_bit_(e, level) };
}

static inline struct pte pte_wunprotect(struct pte e, int level)
{
	return (struct pte){ e.raw & ~pte_write_bit_(e, level) };
}

static inline bool pte_writable(struct pte e, int level)
{
	return !(e.raw & pte_write_bit_(e, level));
}

static inline bool pte_table_open(struct pte e)
{
	return (e.raw & (A64_VALID | A64_TABLE | A64_APTABLE_RO)) == (A64_VALID | A64_TABLE);
}

static inline struct pte pte_swap(u64 payload)
{
	return (struct pte){ payload << A64_SWAP_SHIFT | A64_SWAP };
}

static inline u64 pte_payload(struct pte e)
{
	return e.raw >> A64_SWAP_SHIFT;
}
