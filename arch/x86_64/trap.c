// SPDX-License-Identifier: MIT
/*
 * Exceptions and interrupts, once entry.S has built the frame. The error code moves from
 * orig_rax to the upper half of `vector`, where signal frames find it; orig_rax = -1 says "no
 * system call".
 */
#include "lib/panic.h"
#include "lib/printf.h"
#include "mm/kmap.h"
#include "proc/signal.h"
#include "arch/irq.h"
#include "x86.h"

enum : u32 { PF_PRESENT = 1, PF_WRITE = 2, PF_USER = 4, PF_RESERVED = 8, PF_FETCH = 16 };
enum {
	EXC_DB = 1, EXC_NMI, EXC_BP, EXC_DF = 8, EXC_GP = 13, EXC_PF, EXC_MF = 16, EXC_MC = 18,
	EXC_XM,
};

struct ex_entry {
	u64 at, fixup;
};
extern const struct ex_entry extable_start[], extable_end[];

struct idt_gate {
	u16 offset_low, selector;
	u8 ist, type;
	u16 offset_mid;
	u32 offset_high, reserved;
};

constexpr size_t STUB_SIZE = 16;
extern const u8 trap_stubs[];
static struct idt_gate idt[256];

/* Called from entry.S, which turns interrupts off again on the way to user mode. */
void x86_trap(struct trapframe *f);
void x86_user_page_fault(struct trapframe *f);
void x86_kernel_page_fault(struct trapframe *f);
void x86_trap_paranoid(struct trapframe *f);
void x86_bad_pc(struct trapframe *f);

/* asm.h */
static_assert(offsetof(struct trapframe, r15) == 8 && offsetof(struct trapframe, rax) == 88);
static_assert(offsetof(struct trapframe, rdi) == 120 && offsetof(struct trapframe, rsp) == 160);
static_assert(FRAME_NO_EXCEPTION == 0x100);
static_assert(offsetof(struct thread_head, work) == 8 && offsetof(struct thread_head, calls) == 24);

static u8 ist_of(unsigned vector)
{
	switch (vector) {
	case EXC_DF: return 1;
	case EXC_NMI: return 2;
	case EXC_MC: return 3;
	default: return 0;
	}
}

void x86_idt_init(void)
{
	for (unsigned v = 0; v < 256; v++) {
		u64 to = (u64)trap_stubs + v * STUB_SIZE;
		bool user = v == EXC_BP || v == 4;	/* int3, into */

		idt[v] = (struct idt_gate){
			.offset_low = (u16)to,
			.offset_mid = (u16)(to >> 16),
			.offset_high = (u32)(to >> 32),
			.selector = KERNEL_CS,
			.type = user ? 0xee : 0x8e,
			.ist = ist_of(v),
		};
	}
}

void x86_idt_load(void)
{
	struct [[gnu::packed]] { u16 limit; void *base; } p = { sizeof(idt) - 1, idt };

	__asm__ volatile("lidt %0" :: "m"(p));
}

static void print_frame(const struct trapframe *f)
{
	u64 off = 0;
	const char *name = symbol_name(f->rip, &off);

	log_at(LOG_EMERG, "rip %016lx %s+%#lx  cs %lx flags %08lx", f->rip, name ? name : "?", off,
	       f->cs, f->rflags);
	log_at(LOG_EMERG, "rsp %016lx rbp %016lx  vector %lu error %lx", f->rsp, f->rbp,
	       f->vector & 0xffff, f->vector >> 32);
	log_at(LOG_EMERG, "rax %016lx rbx %016lx rcx %016lx rdx %016lx", f->rax, f->rbx, f->rcx,
	       f->rdx);
	log_at(LOG_EMERG, "rsi %016lx rdi %016lx r8  %016lx r9  %016lx", f->rsi, f->rdi, f->r8,
	       f->r9);
	log_at(LOG_EMERG, "r10 %016lx r11 %016lx r12 %016lx r13 %016lx", f->r10, f->r11, f->r12,
	       f->r13);
	log_at(LOG_EMERG, "r14 %016lx r15 %016lx cr2 %016lx cr3 %016lx", f->r14, f->r15, read_cr2(),
	       read_cr3());
}

/* The chain of frame pointers goes on from here through the interrupted function, which
 * panic()'s own backtrace names last. */
void x86_die(const struct trapframe *f, const char *what)
{
	console_panic_mode();
	print_frame(f);
	panic("%s at %#lx", what, f->rip);
}

static u64 extable_find(u64 rip)
{
	for (const struct ex_entry *e = extable_start; e < extable_end; e++)
		if (e->at == rip)
			return e->fixup;
	return 0;
}

static void page_fault_die(const struct trapframe *f, va_t va, u32 error)
{
	const char *access = error & PF_WRITE ? "write" : "read", *why = "not mapped";
	char what[96];

	if (error & PF_FETCH)
		access = "execution";
	if (error & PF_PRESENT)
		why = error & PF_RESERVED ? "reserved bit" : "forbidden";
	snprintf(what, sizeof(what), "%s of %#lx in the kernel (%s)", access, va, why);
	x86_die(f, what);
}

static u32 page_fault_error(struct trapframe *f)
{
	u64 error = (u32)f->orig_rax;

	f->orig_rax = ~0ul;
	f->vector = EXC_PF | error << 32;
	return (u32)error;
}

static u32 page_fault_access(u32 error)
{
	return error & PF_FETCH ? P_X : error & PF_WRITE ? P_W : P_R;
}

/* Only user copies may fault, and only on user addresses. */
void x86_kernel_page_fault(struct trapframe *f)
{
	u32 error = page_fault_error(f);
	struct fault flt = { .address = read_cr2(), .access = page_fault_access(error) };
	u64 fixup = extable_find(f->rip);

	if (!fixup || flt.address >= USER_END || (error & PF_RESERVED))
		page_fault_die(f, flt.address, error);
	if (f->rflags & EFLAGS_IF)
		irq_enable();
	if (trap_fault(f, flt))
		f->rip = fixup;
	irq_disable();
}

void x86_user_page_fault(struct trapframe *f)
{
	u32 error = page_fault_error(f);
	struct fault flt = { .address = read_cr2(), .access = page_fault_access(error), .user = true };

	if (unlikely(error & PF_RESERVED))
		page_fault_die(f, flt.address, error);
	irq_enable();
	trap_fault(f, flt);
}

/* si_code of a floating-point exception, from flags that are set and not masked. */
static int fpe_code(u32 flags)
{
	if (flags & 1)
		return FPE_FLTINV;
	if (flags & 4)
		return FPE_FLTDIV;
	return flags & 8 ? 4 : flags & (16 | 2) ? 5 : 6;	/* overflow, underflow, inexact */
}

static int fpe_status(u64 vector)
{
	u16 cw, sw;
	u32 mxcsr;

	if (vector == EXC_MF) {
		__asm__ volatile("fnstcw %0\n\tfnstsw %1" : "=m"(cw), "=m"(sw));
		return fpe_code(sw & ~cw & 0x3f);
	}
	__asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
	return fpe_code(mxcsr & ~(mxcsr >> 7) & 0x3f);
}

/* Signals and codes as Linux gives them. */
static void user_exception(struct trapframe *f, u64 vector)
{
	irq_enable();
	switch (vector) {
	case 0:
		trap_signal(f, SIGFPE, FPE_INTDIV, f->rip);
		break;
	case EXC_DB:
		trap_signal(f, SIGTRAP, TRAP_TRACE, f->rip);
		break;
	case EXC_BP:
		trap_signal(f, SIGTRAP, SI_KERNEL, 0);
		break;
	case 6:
		trap_signal(f, SIGILL, ILL_ILLOPN, f->rip);
		break;
	case 11:
	case 12:
		trap_signal(f, SIGBUS, SI_KERNEL, 0);
		break;
	case EXC_MF:
	case EXC_XM:
		trap_signal(f, SIGFPE, fpe_status(vector), f->rip);
		break;
	case 17:
		trap_signal(f, SIGBUS, BUS_ADRALN, 0);
		break;
	default:
		trap_signal(f, SIGSEGV, SI_KERNEL, 0);
	}
}

static void kernel_exception(struct trapframe *f, u64 vector)
{
	u64 fixup = extable_find(f->rip);

	if (vector != EXC_GP || !fixup)
		x86_die(f, vector == 6 ? "invalid instruction (trap)" : "exception in the kernel");
	f->rip = fixup;		/* a non-canonical user address */
}

static void interrupt(struct trapframe *f, u64 vector)
{
	struct thread_head *t = thread_self();

	t->preempt++;
	if (vector == VEC_TIMER) {
		apic_eoi();
		apic_timer_fired();
	} else if (vector >= VEC_IPI && vector < VEC_IPI + IPI_COUNT) {
		apic_eoi();
		ipi_handle((enum ipi)(vector - VEC_IPI));
	} else if (vector < VEC_PIC) {
		irq_dispatch((unsigned)vector - VEC_GSI);
	}
	t->preempt--;
	if (!frame_is_user(f) && t->preempt == 0 && (load_relaxed(&t->work) & THREAD_RESCHED))
		sched_preempt();
}

void x86_trap(struct trapframe *f)
{
	u64 vector = f->vector;
	u32 error = (u32)f->orig_rax;

	f->orig_rax = ~0ul;
	f->vector = vector | (u64)error << 32;
	if (vector >= VEC_GSI)
		interrupt(f, vector);
	else if (frame_is_user(f))
		user_exception(f, vector);
	else
		kernel_exception(f, vector);
}

/* GS may still be the user's here. The GDT tells whose CPU this is. */
static void gs_recover(void)
{
	struct [[gnu::packed]] { u16 limit; u64 base; } gdt;

	__asm__ volatile("sgdt %0" : "=m"(gdt));
	wrmsr(MSR_GS_BASE, gdt.base - offsetof(struct x86_cpu, gdt));
}

void x86_trap_paranoid(struct trapframe *f)
{
	if (f->vector == EXC_NMI)
		return;		/* nobody here sends any */
	gs_recover();
	f->vector |= f->orig_rax << 32;
	va_t va = read_cr2();
	bool guard = va - (va_t)boot_stack_guard < PAGE_SIZE || kstack_is_guard(va);

	if ((f->vector & 0xffff) == EXC_MC)
		x86_die(f, "machine check");
	x86_die(f, guard ? "kernel stack overflow" : "double fault");
}

/* On the way to user mode with a program counter that iretq would not take. */
void x86_bad_pc(struct trapframe *f)
{
	irq_enable();
	trap_signal(f, SIGSEGV, SEGV_MAPERR, f->rip);
}
