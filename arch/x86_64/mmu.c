// SPDX-License-Identifier: MIT
/*
 * The kernel's half of every address space, and the TLB.
 *
 * The kernel root's upper slots in use are three: the direct map, KMAP and the image. Their
 * second-level tables exist from the start and stay, so a user root copies three words once and
 * is never told of a change. All kernel leaves are global: they survive a switch of address
 * spaces.
 *
 * Meltdown: the kernel half is in every root, protected by U/S alone. Intel's processors before
 * Cascade Lake let user code read it speculatively; on those, run nothing that you do not
 * trust.
 */
#include "lib/string.h"
#include "lib/printf.h"
#include "x86.h"

constexpr unsigned POOL_TABLES = 64;
constexpr unsigned INVLPG_MAX = 32;	/* more pages than that: flush all */

alignas(PAGE_SIZE) static struct pte root[PT_SLOTS];
alignas(PAGE_SIZE) static struct pte pool[POOL_TABLES][PT_SLOTS];
static unsigned pool_used;

constexpr u32 PROT_DATA = P_R | P_W | P_ACCESSED | P_DIRTY | P_GLOBAL;
constexpr u32 PROT_CONST = P_R | P_ACCESSED | P_GLOBAL;
constexpr u32 PROT_TEXT = P_R | P_X | P_ACCESSED | P_GLOBAL;

/* Devices see the caches. */
void arch_dma_sync(const void *p, size_t n)
{
	__asm__ volatile("mfence" : : "r"(p), "r"(n) : "memory");
}

struct pa arch_image_pa(const void *p)
{
	return (struct pa){ image_pa(p) };
}

static struct pa pool_pa(const struct pte *table)
{
	return (struct pa){ image_pa(table) };
}

static struct pte *pool_va(struct pa pa)
{
	return (struct pte *)(pa.v + KERNEL_BASE);
}

static struct pte *pool_table(void)
{
	return pool_used < POOL_TABLES ? pool[pool_used++] : nullptr;
}

/* The table that slot `e` of a table above level 0 points to; made if need be. */
static struct pte *table_below(struct pte *e)
{
	if (e->raw == 0) {
		struct pte *t = pool_table();

		if (!t)
			return nullptr;
		*e = pte_table(pool_pa(t));
	}
	return pool_va(pte_table_pa(*e));
}

static bool block_fits(va_t va, u64 pa, u64 end, int level)
{
	u64 size = pt_slot_size(level);

	return level <= (x86_features.pdpe1gb ? 2 : 1) && is_aligned(va | pa, size) &&
	       end - pa >= size;
}

/* Maps [pa, end), page-aligned, in the largest blocks that fit. Returns how far it got: short of
 * `end` when the pool is empty. */
static u64 map_range(struct pte *top, va_t va, u64 pa, u64 end, u32 prot)
{
	while (pa < end) {
		struct pte *table = top;
		int level = PT_LEVELS - 1;

		while (table && level > 0 && !block_fits(va, pa, end, level))
			table = table_below(&table[pt_index(va, level--)]);
		if (!table)
			return pa;
		table[pt_index(va, level)] = pte_leaf((struct pa){ pa }, level, prot);
		va += pt_slot_size(level);
		pa += pt_slot_size(level);
	}
	return end;
}

/* One piece of the image, page-aligned: at KERNEL_BASE with its rights. */
static void map_image(const char *start, const char *end, u32 prot)
{
	map_range(root, (va_t)start, image_pa(start), image_pa(end), prot);
}

/* RAM [start, end) of the direct map, of which the image's constant parts are read-only. */
static u64 map_ram(u64 start, u64 end)
{
	const struct { u64 start, end; } ro[] = {
		{ image_pa(_text), image_pa(_erodata) },
		{ image_pa(_ksyms), image_pa(_end) },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(ro) && start < end; i++) {
		u64 lo = max(ro[i].start, start), hi = min(ro[i].end, end);

		if (lo >= hi)
			continue;
		if (map_range(root, DIRECT_BASE + start, start, lo, PROT_DATA) < lo)
			return start;
		if (map_range(root, DIRECT_BASE + lo, lo, hi, PROT_CONST) < hi)
			return start;
		start = hi;
	}
	return map_range(root, DIRECT_BASE + start, start, end, PROT_DATA);
}

void x86_mmu_init(struct boot_info *bi)
{
	table_below(&root[pt_index(DIRECT_BASE, 3)]);
	table_below(&root[pt_index(KMAP_BASE, 3)]);
	map_image(_text, _etext, PROT_TEXT);
	map_image(_rodata, _erodata, PROT_CONST);
	map_image(_data, boot_stack_guard, PROT_DATA);
	map_image(boot_stack_guard + PAGE_SIZE, _edata, PROT_DATA);
	map_image(_ksyms, _end, PROT_CONST);
	for (unsigned i = 0; i < bi->nram; i++) {
		u64 start = align_up(bi->ram[i].start, PAGE_SIZE);
		u64 end = align_down(bi->ram[i].end, PAGE_SIZE);

		if (start >= end)
			continue;
		u64 got = map_ram(start, end);

		/* Without 1 GiB blocks the pool is enough for some 40 GiB. */
		if (got < end) {
			bi->ram[i].end = got;
			bi->nram = got > start ? i + 1 : i;
		}
	}
	write_cr3(image_pa(root));
}

u64 x86_trampoline_root(u64 pa)
{
	struct pte *t = pool_table();

	if (!t)
		return 0;
	memcpy(t, root, sizeof(root));
	if (map_range(t, pa, pa, pa + PAGE_SIZE, P_R | P_X | P_ACCESSED) < pa + PAGE_SIZE)
		return 0;
	return image_pa(t);
}

struct pte *arch_kernel_root(void)
{
	return direct_map((struct pa){ image_pa(root) });
}

void arch_root_init(struct pte *user)
{
	user[pt_index(DIRECT_BASE, 3)] = root[pt_index(DIRECT_BASE, 3)];
	user[pt_index(KMAP_BASE, 3)] = root[pt_index(KMAP_BASE, 3)];
	user[pt_index(KERNEL_BASE, 3)] = root[pt_index(KERNEL_BASE, 3)];
}

void arch_root_clear(struct pte *user)
{
	user[pt_index(DIRECT_BASE, 3)] = (struct pte){};
	user[pt_index(KMAP_BASE, 3)] = (struct pte){};
	user[pt_index(KERNEL_BASE, 3)] = (struct pte){};
}

int arch_asid_bits(void)
{
	return x86_features.pcid ? ASID_BITS_MAX : 0;
}

void arch_switch_root(struct pa pa, u64 asid, bool flush)
{
	u64 cr3 = pa.v;

	if (x86_features.pcid)
		cr3 |= (asid & 0xfff) | (flush ? 0 : CR3_NOFLUSH);
	write_cr3(cr3);
}

/* Stores are seen in order, and walks of other CPUs are ordinary loads. */
void arch_publish(void)
{
	__asm__ volatile("" ::: "memory");
}

static void invlpg(va_t va)
{
	__asm__ volatile("invlpg (%0)" :: "r"(va) : "memory");
}

/* invlpg drops the current PCID's walk caches too (SDM 3A 4.10.4.1). */
void arch_tlb_range(u64 asid, va_t start, va_t end, bool tables, bool everywhere)
{
	va_t va = start;

	do
		invlpg(va);
	while ((va += PAGE_SIZE) < end);
}

void arch_tlb_asid(u64 asid, bool everywhere)
{
	write_cr3(read_cr3());		/* bit 63 reads as 0: flush */
}

/* A change of CR4.PGE drops everything, of all PCIDs, global or not. */
void arch_tlb_local_all(void)
{
	u64 flags = irq_save();
	u64 cr4 = read_cr4();

	write_cr4(cr4 & ~CR4_PGE);
	write_cr4(cr4);
	irq_restore(flags);
}

void arch_tlb_local_page(u64 asid, va_t va)
{
	invlpg(va);
}

void arch_tlb_kernel(va_t start, va_t end)
{
	if ((end - start) >> PAGE_SHIFT > INVLPG_MAX)
		arch_tlb_local_all();
	else
		arch_tlb_range(0, start, end, true, false);
}

/* Instruction caches follow stores. */
void arch_sync_code(const void *p, size_t n)
{
}
