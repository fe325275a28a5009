// SPDX-License-Identifier: MIT
/*
 * What the files of this folder share: instructions that C lacks, registers' names (Intel SDM
 * 4, 3A 2.5), the per-CPU structure and what each file gives to the others.
 */
#pragma once

#include "arch/arch.h"
#include "acpi.h"

/* ------------------------------------------------------------------ instructions */

static inline void outb(u16 port, u8 v) { __asm__ volatile("outb %0, %1" :: "a"(v), "Nd"(port)); }
static inline void outw(u16 port, u16 v) { __asm__ volatile("outw %0, %1" :: "a"(v), "Nd"(port)); }

static inline u8 inb(u16 port)
{
	u8 v;

	__asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static inline u16 inw(u16 port)
{
	u16 v;

	__asm__ volatile("inw %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static inline u64 rdmsr(u32 msr)
{
	u32 lo, hi;

	__asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
	return (u64)hi << 32 | lo;
}

static inline void wrmsr(u32 msr, u64 v)
{
	__asm__ volatile("wrmsr" :: "c"(msr), "a"((u32)v), "d"((u32)(v >> 32)) : "memory");
}

static inline u64 rdtsc(void)
{
	u32 lo, hi;

	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
	return (u64)hi << 32 | lo;
}

struct cpuid {
	u32 a, b, c, d;
};

static inline struct cpuid cpuid(u32 leaf, u32 sub)
{
	struct cpuid r;

	__asm__ volatile("cpuid"
			 : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d)
			 : "a"(leaf), "c"(sub));
	return r;
}

/* a * b / c; the result must fit. */
static inline u64 muldiv(u64 a, u64 b, u64 c)
{
	u64 lo, hi;

	__asm__("mulq %3" : "=a"(lo), "=d"(hi) : "a"(a), "r"(b));
	__asm__("divq %2" : "+a"(lo), "+d"(hi) : "r"(c));
	return lo;
}

/* a * b / 2^32: b is a factor with 32 fraction bits. */
static inline u64 scale32(u64 a, u64 b)
{
	return (u64)((unsigned __int128)a * b >> 32);
}

#define CR_ACCESS(n)                                                         \
	static inline u64 read_cr##n(void)                                   \
	{                                                                    \
		u64 v;                                                       \
		__asm__ volatile("movq %%cr" #n ", %0" : "=r"(v));           \
		return v;                                                    \
	}                                                                    \
	static inline void write_cr##n(u64 v)                                \
	{                                                                    \
		__asm__ volatile("movq %0, %%cr" #n :: "r"(v) : "memory");   \
	}
CR_ACCESS(0)
CR_ACCESS(2)
CR_ACCESS(3)
CR_ACCESS(4)

enum : u64 {
	CR0_MP = BIT(1),
	CR0_EM = BIT(2),
	CR0_TS = BIT(3),
	CR0_NE = BIT(5),
	CR0_WP = BIT(16),
	CR0_AM = BIT(18),
	CR4_PAE = BIT(5),
	CR4_MCE = BIT(6),
	CR4_PGE = BIT(7),
	CR4_OSFXSR = BIT(9),
	CR4_OSXMMEXCPT = BIT(10),
	CR4_UMIP = BIT(11),
	CR4_FSGSBASE = BIT(16),
	CR4_PCIDE = BIT(17),
	CR4_OSXSAVE = BIT(18),
	CR4_SMEP = BIT(20),
	CR4_SMAP = BIT(21),
	CR3_NOFLUSH = BIT(63),
	EFLAGS_DF = BIT(10),
	EFLAGS_NT = BIT(14),
	EFLAGS_AC = BIT(18),
};

enum : u32 {
	MSR_APIC_BASE = 0x1b,
	MSR_PAT = 0x277,
	MSR_TSC_DEADLINE = 0x6e0,
	MSR_X2APIC = 0x800,
	MSR_EFER = 0xc0000080,
	MSR_STAR = 0xc0000081,
	MSR_LSTAR = 0xc0000082,
	MSR_FMASK = 0xc0000084,
	MSR_FS_BASE = 0xc0000100,
	MSR_GS_BASE = 0xc0000101,
	MSR_KERNEL_GS_BASE = 0xc0000102,
};

constexpr u64 EFER_SCE = BIT(0), EFER_LME = BIT(8), EFER_NXE = BIT(11);
constexpr u16 KERNEL_CS = 0x10, KERNEL_SS = 0x18;

/* ------------------------------------------------------------------ this CPU (cpu.c) */

/* Task state segment (SDM 3A 8.7). */
struct [[gnu::packed]] tss {
	u32 reserved0;
	u64 rsp[3];
	u64 reserved1;
	u64 ist[7];
	u64 reserved2;
	u16 reserved3, iomap;
};

/* GS points here in the kernel. (c) this CPU only  (i) fixed once the CPU runs */
struct x86_cpu {
	struct thread_head *self;	/* (c) %gs:0, the current thread */
	u64 user_sp;			/* (c) %gs:8, between syscall and its first push */
	u32 apic_id;			/* (i) */
	struct tss tss;			/* (c) rsp[0], %gs:24: top of the stack for entries */
	struct thread_head *idle;	/* (i) the thread a starting CPU enters with */
	struct arch_thread *fpu_owner;	/* (c) whose image the SIMD registers hold */
	u64 deadline;			/* (c) of the timer, ns */
	u64 gdt[16];			/* (i) */
};
static_assert(offsetof(struct x86_cpu, tss.rsp) == 24);	/* entry.S */

extern struct x86_cpu x86_cpus[MAX_CPUS];

static inline struct x86_cpu *this_cpu(void) { return &x86_cpus[cpu_id()]; }

/* What CPU 0 has; every CPU must have the same. */
struct x86_features {
	bool pdpe1gb, pcid, smep, smap, umip, fsgsbase, xsave, xsaveopt, avx, x2apic;
	bool tsc_deadline, rdrand, rdseed;
};
extern struct x86_features x86_features;

/* Reads CPUID, and puts stac and clac into the text where the CPU has SMAP: before W^X. */
void x86_features_init(void);
/* GDT, TSS, IDT, control registers and MSRs of this CPU; `self` becomes the current thread. */
void x86_cpu_init(unsigned cpu, struct thread_head *self);

/* ------------------------------------------------------------------ boot */

constexpr u32 BOOT_PVH = 1, BOOT_MULTIBOOT2 = 2;

/* Fills bi from what the loader left; the identity map of 4 GiB is there. */
void x86_boot_info(u32 kind, u64 info, struct boot_info *bi);
constexpr u64 DIRECT_SIZE = 512 * GiB;

/* kernel.ld, boot.S */
extern char _text[], _etext[], _rodata[], _erodata[], _data[], _edata[], _ksyms[], _end[];
extern char boot_stack_guard[], boot_stack_top[];
extern struct framebuffer x86_framebuffer;	/* (i) what a boot loader has set up; width 0: none */
static inline u64 image_pa(const void *p) { return (va_t)p - KERNEL_BASE; }

/* Builds the kernel's root for bi->ram and loads it. RAM it has no tables for is taken out of
 * bi. */
void x86_mmu_init(struct boot_info *bi);
/* A root for starting CPUs: the kernel half, and the page at pa mapped where it is, executable. */
u64 x86_trampoline_root(u64 pa);
extern u64 x86_trampoline_pa;	/* a page below 1 MiB, 0: none (then one CPU only) */

/* ------------------------------------------------------------------ the rest */

/* fpu.c */
void fpu_init_cpu(void);
void fpu_init(void);		/* CPU 0, once */
void fpu_reset(struct arch_thread *a);
void fpu_clone(struct arch_thread *to);	/* the registers, for a new thread */
void fpu_save(struct arch_thread *a);
void fpu_load(struct arch_thread *a);
/* Signal frames: bytes needed on the user stack; copy out and in. */
size_t fpu_frame_size(void);
int fpu_frame_push(struct arch_thread *a, va_t where);
int fpu_frame_pop(struct arch_thread *a, va_t where);
/* Of the current thread: all of the registers to the image, which is complete then; and back. */
void fpu_park(struct arch_thread *a);
void fpu_unpark(struct arch_thread *a);
/* Of a parked thread: the image as debuggers have it, `legacy`: its first 512 bytes. set: 0, or -EINVAL. */
size_t fpu_regset_get(struct arch_thread *a, bool legacy, void *buf);
int fpu_regset_set(struct arch_thread *a, bool legacy, const void *buf);

/* trap.c, entry.S */
void x86_idt_init(void);
void x86_idt_load(void);
[[noreturn]] void x86_die(const struct trapframe *f, const char *what);

/* apic.c */
enum : u8 {
	VEC_GSI = 0x20,			/* + GSI, up to GSI_MAX */
	VEC_PIC = 0xd0,			/* the legacy controller's spurious ones: ignored */
	VEC_TIMER = 0xe0, VEC_IPI = 0xe1, VEC_SPURIOUS = 0xff,
};
constexpr unsigned GSI_MAX = VEC_PIC - VEC_GSI;
void apic_init(u64 pa);			/* CPU 0: maps it, masks the PIC */
void apic_init_cpu(void);
void apic_eoi(void);
u32 apic_id(void);
void apic_send(u32 apic_id, u32 command);	/* low word of the interrupt command register */
void apic_timer_fired(void);

/* ioapic.c */
void ioapic_init(void);

/* smp.c */
void smp_init(void);

/* clock.c */
void x86_clock_init(void);
u64 x86_clock_ns(u64 tsc);			/* TSC -> time of arch_clock_ns() */
u64 x86_clock_tsc(u64 ns);			/* and back */
extern u64 x86_tsc_hz;
void delay_us(u32 us);
