// SPDX-License-Identifier: MIT
/*
 * One CPU's set-up: what it can do (CPUID), segments, task state, control registers, MSRs.
 */
#include "lib/string.h"
#include "x86.h"

constexpr size_t IST_STACK = 8 * KiB;
constexpr u16 TSS_SELECTOR = 0x40;
constexpr u16 CPU_NUMBER_SELECTOR = 0x7b;	/* asm.h */

/* PAT: 0 write-back, 1 write-combining, 2 UC-, 3 uncached; the upper half the same (pte.h). */
constexpr u64 PAT_VALUE = 0x0007010600070106;

/* Interrupt stacks: double fault, NMI, machine check come when the current stack may be bad. */
alignas(16) static u8 ist_stacks[MAX_CPUS][3][IST_STACK];

struct x86_cpu x86_cpus[MAX_CPUS];
struct x86_features x86_features;
struct arch_abi arch_abi = { .elf_machine = 62, .machine = "x86_64" };

struct smap_site {
	u8 *at;
	u64 stac;
};
extern const struct smap_site smap_sites_start[], smap_sites_end[];
void syscall_entry(void);

static void smap_patch(void)
{
	static const u8 insn[2][3] = { { 0x0f, 0x01, 0xca }, { 0x0f, 0x01, 0xcb } };

	for (const struct smap_site *s = smap_sites_start; s < smap_sites_end; s++)
		memcpy(s->at, insn[s->stac], 3);
}

void x86_features_init(void)
{
	struct x86_features *f = &x86_features;
	struct cpuid l1 = cpuid(1, 0), l7 = {}, e1 = cpuid(0x80000001, 0);

	if (cpuid(0, 0).a >= 7)
		l7 = cpuid(7, 0);
	f->pdpe1gb = e1.d & BIT(26);
	f->pcid = l1.c & BIT(17);
	f->smep = l7.b & BIT(7);
	f->smap = l7.b & BIT(20);
	f->umip = l7.c & BIT(2);
	f->fsgsbase = l7.b & BIT(0);
	f->xsave = l1.c & BIT(26);
	f->avx = f->xsave && (l1.c & BIT(28));
	f->xsaveopt = f->xsave && (cpuid(0xd, 1).a & BIT(0));
	f->x2apic = l1.c & BIT(21);
	f->tsc_deadline = l1.c & BIT(24);
	f->rdrand = l1.c & BIT(30);
	f->rdseed = l7.b & BIT(18);
	if (f->smap)
		smap_patch();
	arch_abi.hwcap = l1.d;
	arch_abi.hwcap2 = f->fsgsbase ? BIT(1) : 0;
}

static u64 segment(u8 type, u8 flags)
{
	return 0xffff | (u64)type << 40 | (u64)(0xf | flags << 4) << 48;
}

/* Selectors as Linux has them: programs see those of user mode. */
static void gdt_init(struct x86_cpu *c)
{
	u64 base = (u64)&c->tss;

	c->gdt[2] = segment(0x9b, 0xa);		/* 0x10 kernel code, 64 bits */
	c->gdt[3] = segment(0x93, 0xc);		/* 0x18 kernel data */
	/* 0x23, sysret's base, stays empty: in a 32-bit segment `syscall` goes to where CSTAR says. */
	c->gdt[5] = segment(0xf3, 0xc);		/* 0x2b user data */
	c->gdt[6] = segment(0xfb, 0xa);		/* 0x33 user code, 64 bits */
	c->gdt[8] = (sizeof(struct tss) - 1) | (base & 0xffffff) << 16 | 0x89ul << 40 |
		    (base >> 24 & 0xff) << 56;
	c->gdt[9] = base >> 32;
	c->gdt[CPU_NUMBER_SELECTOR / 8] = (u64)(c - x86_cpus) | 0xf1ul << 40;	/* limit: vdso.S */
	c->tss.iomap = sizeof(struct tss);
	for (unsigned i = 0; i < 3; i++)
		c->tss.ist[i] = (u64)ist_stacks[c - x86_cpus][i] + IST_STACK;
}

static void gdt_load(struct x86_cpu *c)
{
	struct [[gnu::packed]] { u16 limit; void *base; } p = { sizeof(c->gdt) - 1, c->gdt };

	__asm__ volatile("lgdt %0\n\t"
			 "pushq %1\n\t"
			 "leaq 1f(%%rip), %%rax\n\t"
			 "pushq %%rax\n\t"
			 "lretq\n"
			 "1:\tmovl %2, %%eax\n\t"
			 "movl %%eax, %%ss\n\t"
			 "xorl %%eax, %%eax\n\t"
			 "movl %%eax, %%ds\n\t"
			 "movl %%eax, %%es\n\t"
			 "movl %%eax, %%fs\n\t"
			 "movl %%eax, %%gs\n\t"
			 "ltr %w3"
			 :: "m"(p), "i"(KERNEL_CS), "i"(KERNEL_SS), "r"((u32)TSS_SELECTOR)
			 : "rax", "memory");
}

static void control_registers(void)
{
	const struct x86_features *f = &x86_features;
	u64 cr4 = CR4_PAE | CR4_MCE | CR4_PGE | CR4_OSFXSR | CR4_OSXMMEXCPT;

	cr4 |= (f->umip ? CR4_UMIP : 0) | (f->fsgsbase ? CR4_FSGSBASE : 0);
	cr4 |= (f->xsave ? CR4_OSXSAVE : 0) | (f->pcid ? CR4_PCIDE : 0);
	cr4 |= (f->smep ? CR4_SMEP : 0) | (f->smap ? CR4_SMAP : 0);
	write_cr4(cr4);
	write_cr0((read_cr0() & ~(CR0_EM | CR0_TS)) | CR0_MP | CR0_NE | CR0_WP | CR0_AM);
	wrmsr(MSR_PAT, PAT_VALUE);
}

/* SYSCALL: kernel CS and SS from bits 32-47; SYSRET adds 16 and 8 to bits 48-63. Flags that are
 * cleared on entry: all that could disturb the kernel, AC (SMAP) included. */
static void syscall_init(void)
{
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SCE | EFER_NXE);
	wrmsr(MSR_STAR, 0x23ul << 48 | (u64)KERNEL_CS << 32);
	wrmsr(MSR_LSTAR, (u64)syscall_entry);
	wrmsr(MSR_FMASK, EFLAGS_TF | EFLAGS_IF | EFLAGS_DF | EFLAGS_NT | EFLAGS_AC | 0x3000);
}

void x86_cpu_init(unsigned cpu, struct thread_head *self)
{
	struct x86_cpu *c = &x86_cpus[cpu];

	gdt_init(c);
	gdt_load(c);
	x86_idt_load();
	wrmsr(MSR_GS_BASE, (u64)c);
	wrmsr(MSR_KERNEL_GS_BASE, 0);
	wrmsr(MSR_FS_BASE, 0);
	c->self = self;
	c->tss.rsp[0] = (u64)self->stack_top;
	self->cpu = cpu;
	control_registers();
	syscall_init();
	fpu_init_cpu();
}
