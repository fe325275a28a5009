// SPDX-License-Identifier: MIT
/*
 * Page-table entries of x86-64 (Intel SDM 3A 4.5, AMD APM 2 5.3): part A of the machine
 * contract. Pure.
 *
 * A present entry is what the hardware says; software owns bits 9-11 and 52-58. A leaf without
 * any right (PROT_NONE) and a swap entry are not present; both keep their payload inverted, so
 * that the address a CPU may speculate with (L1TF) is one where no memory is. All-zero is
 * empty.
 *
 * Memory types come from PWT and PCD alone (x86_cpu_init programs the PAT so), since the PAT
 * bit of an entry sits elsewhere in large leaves.
 */
#pragma once

constexpr int PT_LEVELS = 4;
constexpr int PT_LEAF_MAX = 2;
constexpr bool PT_HIER_WP = true;
constexpr bool TLB_BROADCAST = false;
constexpr int ASID_BITS_MAX = 12;

/* The last page below 2^47 stays unused: a system call at its end would return to a non-
 * canonical address. */
constexpr va_t USER_END = 0x00007ffffffff000;
constexpr unsigned USER_ROOT_SLOTS = 256;
constexpr int ARCH_MAP_32BIT = 0x40;	/* mmap(2): below 2 GiB */

constexpr va_t DIRECT_BASE = 0xffff800000000000;	/* one root slot: 512 GiB of RAM */
constexpr va_t KMAP_BASE = 0xffffc00000000000;		/* one root slot */
constexpr va_t KMAP_END = 0xffffc08000000000;
constexpr va_t KERNEL_BASE = 0xffffffff80000000;

enum pte_x86 : u64 {
	PTE_P = BIT(0),
	PTE_W = BIT(1),
	PTE_U = BIT(2),
	PTE_PWT = BIT(3),
	PTE_PCD = BIT(4),
	PTE_A = BIT(5),
	PTE_D = BIT(6),
	PTE_PS = BIT(7),		/* levels 1 and 2: a leaf; level 0: PAT, which we leave 0 */
	PTE_G = BIT(8),
	PTE_SW_SHARED = BIT(9),
	PTE_SW_SWAP = BIT(10),		/* not present: a swap entry */
	PTE_SW_NOREAD = BIT(10),	/* present: P_R not asked for; the CPU cannot deny it */
	PTE_SW_NONE = BIT(11),		/* not present: a leaf without rights */
	PTE_ADDR = 0x000ffffffffff000,
	PTE_NX = BIT(63),
};

constexpr u64 PTE_SWAP_MASK = BIT(50) - 1;

constexpr u64 PTE_ADDRESS = PTE_ADDR;

static inline enum pte_kind pte_kind(struct pte e, int level)
{
	if (e.raw == 0)
		return PTE_EMPTY;
	if (e.raw & PTE_P)
		return level > 0 && !(e.raw & PTE_PS) ? PTE_TABLE : PTE_LEAF;
	return e.raw & PTE_SW_NONE ? PTE_LEAF : PTE_SWAP;
}

/* Not for the hardware: empty, a swap entry, or a leaf without rights. */
static inline bool pte_absent(struct pte e)
{
	return !(e.raw & PTE_P);
}

static inline struct pte pte_leaf(struct pa pa, int level, u32 prot)
{
	u64 raw = level > 0 ? PTE_PS : 0;

	raw |= (prot & P_W ? PTE_W : 0) | (prot & P_X ? 0 : PTE_NX);
	raw |= (prot & P_USER ? PTE_U : 0) | (prot & P_SHARED ? PTE_SW_SHARED : 0);
	raw |= (prot & P_ACCESSED ? PTE_A : 0) | (prot & P_DIRTY ? PTE_D : 0);
	raw |= (prot & P_DEVICE ? PTE_PCD : 0) | (prot & (P_DEVICE | P_UNCACHED) ? PTE_PWT : 0);
	raw |= prot & P_GLOBAL ? PTE_G : 0;
	if (!(prot & (P_R | P_W | P_X)))
		return (struct pte){ raw | PTE_SW_NONE | (~pa.v & PTE_ADDR) };
	return (struct pte){ raw | PTE_P | (prot & P_R ? 0 : PTE_SW_NOREAD) | (pa.v & PTE_ADDR) };
}

static inline struct pa pte_pa(struct pte e, int level)
{
	(void)level;
	return (struct pa){ (e.raw & PTE_P ? e.raw : ~e.raw) & PTE_ADDR };
}

static inline u32 pte_prot(struct pte e, int level)
{
	u64 raw = e.raw;
	u32 prot = 0;

	(void)level;
	if (raw & PTE_P)
		prot = (raw & PTE_SW_NOREAD ? 0 : P_R) | (raw & PTE_W ? P_W : 0) |
		       (raw & PTE_NX ? 0 : P_X);
	prot |= (raw & PTE_U ? P_USER : 0) | (raw & PTE_SW_SHARED ? P_SHARED : 0);
	prot |= (raw & PTE_A ? P_ACCESSED : 0) | (raw & PTE_D ? P_DIRTY : 0);
	if (raw & PTE_PWT)
		prot |= raw & PTE_PCD ? P_DEVICE : P_UNCACHED;
	return prot | (raw & PTE_G ? P_GLOBAL : 0);
}

static inline struct pte pte_with_rights(struct pte e, int level, u32 rwx)
{
	constexpr u64 presence = PTE_P | PTE_SW_NONE | PTE_ADDR;	/* all inverted in a leaf without rights */
	u64 raw = (e.raw & PTE_P ? e.raw : e.raw ^ presence) & ~(PTE_W | PTE_SW_NOREAD);

	(void)level;
	raw |= (rwx & P_W ? PTE_W | PTE_D : 0) | PTE_NX;
	raw &= rwx & P_X ? ~PTE_NX : ~0ul;
	if (unlikely(!rwx))
		raw ^= presence;
	else if (!(rwx & P_R))
		raw |= PTE_SW_NOREAD;
	return (struct pte){ raw };
}

static inline struct pte pte_table(struct pa table)
{
	return (struct pte){ table.v | PTE_P | PTE_W | PTE_U | PTE_A };
}

static inline struct pa pte_table_pa(struct pte e)
{
	return (struct pa){ e.raw & PTE_ADDR };
}

static inline struct pte pte_wprotect(struct pte e, int level)
{
	(void)level;
	return (struct pte){ e.raw & ~PTE_W };
}

static inline struct pte pte_wunprotect(struct pte e, int level)
{
	(void)level;
	return (struct pte){ e.raw | PTE_W };
}

static inline bool pte_writable(struct pte e, int level)
{
	(void)level;
	return e.raw & PTE_W;
}

static inline bool pte_table_open(struct pte e)
{
	return (e.raw & (PTE_P | PTE_W | PTE_PS)) == (PTE_P | PTE_W);
}

/* Payload in bits 12-61, inverted: a small payload stands for an address above all memory. */
static inline struct pte pte_swap(u64 payload)
{
	return (struct pte){ (~payload & PTE_SWAP_MASK) << PAGE_SHIFT | PTE_SW_SWAP };
}

static inline u64 pte_payload(struct pte e)
{
	return ~(e.raw >> PAGE_SHIFT) & PTE_SWAP_MASK;
}
