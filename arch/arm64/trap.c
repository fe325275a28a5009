// SPDX-License-Identifier: MIT
/*
 * What an exception means (Arm ARM, ESR_EL1): memory aborts become a struct fault, other
 * exceptions of users a signal with Linux's codes, and anything unexpected in the kernel a report.
 */
#include "abi.h"
#include "machine.h"

#include "lib/panic.h"
#include "lib/printf.h"
#include "mm/kmap.h"
#include "offsets.h"
#include "proc/signal.h"

/* From entry.S. */
void trap_user(struct trapframe *f, u64 esr, u64 far);
void trap_user_serror(struct trapframe *f, u64 esr);
void trap_kernel(struct trapframe *f, u64 esr, u64 far);
void trap_irq(void);
void trap_irq_preempt(void);
[[noreturn]] void trap_bad(struct trapframe *f, unsigned vector, u64 esr, u64 far);
[[noreturn]] void trap_stack(struct trapframe *f, u64 esr, u64 far, va_t sp);

constexpr size_t EMERGENCY_STACK = 8 * KiB;
[[gnu::aligned(16)]] char emergency_stacks[MAX_CPUS][EMERGENCY_STACK];

enum exception_class : u32 {
	EC_UNKNOWN = 0x00, EC_WFX = 0x01, EC_SIMD = 0x07, EC_BTI = 0x0d, EC_ILLEGAL_STATE = 0x0e,
	EC_SYSREG = 0x18, EC_SVE = 0x19, EC_FPAC = 0x1c, EC_SME = 0x1d, EC_IABT_EL0 = 0x20,
	EC_IABT_EL1 = 0x21, EC_PC_ALIGN = 0x22, EC_DABT_EL0 = 0x24, EC_DABT_EL1 = 0x25,
	EC_SP_ALIGN = 0x26, EC_FP = 0x2c, EC_BREAK_EL0 = 0x30, EC_STEP_EL0 = 0x32,
	EC_WATCH_EL0 = 0x34, EC_BRK = 0x3c,
};

enum abort_iss : u64 {
	ISS_WNR = BIT(6),		/* a write, */
	ISS_CM = BIT(8),		/* unless by cache maintenance */
	ISS_FSC = 0x3f,
};

/* Fault status codes, without the level in the low two bits. */
enum fault_status : u32 {
	FSC_ADDRESS_SIZE = 0x00, FSC_TRANSLATION = 0x04, FSC_ACCESS_FLAG = 0x08,
	FSC_PERMISSION = 0x0c, FSC_EXTERNAL = 0x10, FSC_ALIGNMENT = 0x21, FSC_TLB_CONFLICT = 0x30,
};

/* si_codes that only this CPU's exceptions need. */
enum { TRAP_HWBKPT = 4, ILL_ILLOPN_PAC = 2 };

static u32 esr_class(u64 esr)
{
	return (u32)(esr >> 26) & 0x3f;
}

static u32 fault_status(u64 esr)
{
	u32 fsc = esr & ISS_FSC;

	return fsc < FSC_EXTERNAL ? fsc & ~3u : fsc;
}

/* Did the walk end in "not there" or "not allowed"? What else can happen has nothing to do with tables. */
static bool is_page_fault(u64 esr)
{
	return fault_status(esr) < FSC_EXTERNAL;
}

/* A physical address that is none, or one of a device that cannot be read like this. */
static bool is_bus_error(u64 esr)
{
	u32 status = fault_status(esr);

	return status == FSC_EXTERNAL || status == FSC_ADDRESS_SIZE || status == FSC_ALIGNMENT;
}

static struct fault decode_abort(u64 esr, u64 far, bool user)
{
	u32 class = esr_class(esr);
	bool fetch = class == EC_IABT_EL0 || class == EC_IABT_EL1;
	bool write = (esr & ISS_WNR) && !(esr & ISS_CM);

	return (struct fault){
		.address = abi_untag(far),
		.access = fetch ? P_X : write ? P_W : P_R,
		.user = user,
	};
}

/* ---- from user mode */

static void user_abort(struct trapframe *f, u64 esr, u64 far)
{
	struct fault flt = decode_abort(esr, far, true);

	if (likely(is_page_fault(esr)))
		(void)trap_fault(f, flt);	/* it has posted the signal, if any */
	else if (fault_status(esr) == FSC_ALIGNMENT)
		trap_signal(f, SIGBUS, BUS_ADRALN, flt.address);
	else if (fault_status(esr) == FSC_TLB_CONFLICT)
		arch_tlb_local_all();
	else
		trap_signal(f, SIGBUS, BUS_OBJERR, flt.address);
}

/* The lowest trapped flag of ISS: invalid, division by zero, overflow, underflow, inexact. */
static int fp_code(u64 esr)
{
	static const u8 codes[] = { 7, 3, 4, 5, 6 };

	for (unsigned i = 0; (esr & BIT(23)) && i < ARRAY_SIZE(codes); i++)
		if (esr & BIT(i))
			return codes[i];
	return 0;
}

void trap_user(struct trapframe *f, u64 esr, u64 far)
{
	u32 class = esr_class(esr);

	if (likely(class == EC_DABT_EL0 || class == EC_IABT_EL0)) {
		user_abort(f, esr, far);
		return;
	}
	switch (class) {
	case EC_PC_ALIGN:
		trap_signal(f, SIGBUS, BUS_ADRALN, f->pc);
		break;
	case EC_SP_ALIGN:
		trap_signal(f, SIGBUS, BUS_ADRALN, f->sp);
		break;
	case EC_FP:
		trap_signal(f, SIGFPE, fp_code(esr), f->pc);
		break;
	case EC_BRK:
		trap_signal(f, SIGTRAP, TRAP_BRKPT, f->pc);
		break;
	case EC_STEP_EL0:
		/* The CPU steps whoever comes by until told otherwise; who is to be stepped arms it again. */
		sysreg_write(mdscr_el1, 0);
		if (trap_step_expected())
			trap_signal(f, SIGTRAP, TRAP_TRACE, f->pc);
		break;
	case EC_BREAK_EL0:
		trap_signal(f, SIGTRAP, TRAP_HWBKPT, f->pc);
		break;
	case EC_WATCH_EL0:
		trap_signal(f, SIGTRAP, TRAP_HWBKPT, abi_untag(far));
		break;
	case EC_FPAC:
		trap_signal(f, SIGILL, ILL_ILLOPN_PAC, f->pc);
		break;
	default:	/* undefined, trapped or switched-off instructions */
		trap_signal(f, SIGILL, ILL_ILLOPC, f->pc);
	}
}

/* Memory or a bus reported an error too late to say whose access it was; this program was running. */
void trap_user_serror(struct trapframe *f, u64 esr)
{
	log_err("CPU %u: system error from user mode, ESR %#lx", cpu_id(), esr);
	trap_signal(f, SIGBUS, BUS_OBJERR, f->pc);
}

/* ---- interrupts */

/* Preemption is off meanwhile; no call of preempt_enable(), which would switch threads right here. */
void trap_irq(void)
{
	struct thread_head *t = thread_self();

	t->preempt++;
	gic_handle();
	t->preempt--;
}

/* On the way back into the kernel. */
void trap_irq_preempt(void)
{
	struct thread_head *t = thread_self();

	if (t->preempt == 0 && (load_relaxed(&t->work) & THREAD_RESCHED))
		sched_preempt();
}

/* ---- from the kernel */

struct extable_entry {
	s32 insn, fixup;	/* relative to the field itself */
};

extern const struct extable_entry __extable_start[], __extable_end[];

static u64 relative(const s32 *p)
{
	return (u64)p + (u64)(s64)*p;
}

/* Where a user copy that faults at pc goes on; 0: pc is none. */
static u64 extable_find(u64 pc)
{
	const struct extable_entry *low = __extable_start, *high = __extable_end;

	while (low < high) {
		const struct extable_entry *mid = low + (high - low) / 2;
		u64 insn = relative(&mid->insn);

		if (insn == pc)
			return relative(&mid->fixup);
		if (insn < pc)
			low = mid + 1;
		else
			high = mid;
	}
	return 0;
}

static const char *class_name(u64 esr)
{
	switch (esr_class(esr)) {
	case EC_UNKNOWN: return "undefined instruction";
	case EC_ILLEGAL_STATE: return "illegal state";
	case EC_IABT_EL1: return "instruction abort";
	case EC_DABT_EL1: return "data abort";
	case EC_PC_ALIGN: return "misaligned PC";
	case EC_SP_ALIGN: return "misaligned SP";
	case EC_BRK: return "break instruction";
	case EC_SIMD: return "SIMD instruction";
	default: return "exception";
	}
}

static const char *status_name(u64 esr)
{
	switch (fault_status(esr)) {
	case FSC_ADDRESS_SIZE: return "address size";
	case FSC_TRANSLATION: return "not mapped";
	case FSC_ACCESS_FLAG: return "access flag";
	case FSC_PERMISSION: return "forbidden";
	case FSC_EXTERNAL: return "external abort";
	case FSC_ALIGNMENT: return "misaligned";
	case FSC_TLB_CONFLICT: return "TLB conflict";
	default: return "other";
	}
}

static void print_frame(const struct trapframe *f, u64 esr, u64 far)
{
	u64 offset = 0;
	const char *name = symbol_name(f->pc, &offset);

	log_at(LOG_EMERG, "pc  %016lx %s+0x%lx", f->pc, name ? name : "?", offset);
	log_at(LOG_EMERG, "sp  %016lx pstate %08lx esr %08lx far %016lx", f->sp, f->pstate, esr, far);
	for (unsigned i = 0; i + 3 < 31; i += 3)
		log_at(LOG_EMERG, "x%-2u %016lx x%-2u %016lx x%-2u %016lx", i, f->regs[i], i + 1,
		       f->regs[i + 1], i + 2, f->regs[i + 2]);
	log_at(LOG_EMERG, "x30 %016lx", f->regs[30]);
}

[[noreturn]] static void trap_die(const struct trapframe *f, u64 esr, u64 far, const char *what)
{
	static bool dying;

	console_panic_mode();
	if (!__atomic_exchange_n(&dying, true, __ATOMIC_RELAXED))
		print_frame(f, esr, far);	/* unless that is what went wrong */
	panic("%s at %#lx", what, f->pc);
}

[[noreturn]] static void kernel_abort_die(const struct trapframe *f, u64 esr, u64 far)
{
	struct fault flt = decode_abort(esr, far, false);
	char what[96];

	snprintf(what, sizeof(what), "%s of %#lx in the kernel (%s%s)",
		 flt.access == P_X ? "execution" : flt.access == P_W ? "write" : "read", far,
		 status_name(esr), kstack_is_guard(far) ? ", a stack's guard page" : "");
	trap_die(f, esr, far, what);
}

/* A user copy's abort: resolved and tried again, or on to the fix-up. The copy ran with interrupts on. */
static void copy_abort(struct trapframe *f, u64 esr, u64 far, u64 fixup)
{
	struct fault flt = decode_abort(esr, far, false);

	if (!is_page_fault(esr)) {
		f->pc = fixup;
		return;
	}
	if (!(f->pstate & DAIF_I))
		irq_enable();
	if (trap_fault(f, flt) != 0)
		f->pc = fixup;
	irq_disable();
}

void trap_kernel(struct trapframe *f, u64 esr, u64 far)
{
	u64 fixup = esr_class(esr) == EC_DABT_EL1 ? extable_find(f->pc) : 0;

	if (likely(fixup && abi_untag(far) < USER_END))
		copy_abort(f, esr, far, fixup);
	else if (fixup && is_bus_error(esr))
		f->pc = fixup;	/* arch_device_read32() of a device that is not there */
	else if (esr_class(esr) == EC_DABT_EL1 || esr_class(esr) == EC_IABT_EL1)
		kernel_abort_die(f, esr, far);
	else
		trap_die(f, esr, far, class_name(esr));
}

void trap_bad(struct trapframe *f, unsigned vector, u64 esr, u64 far)
{
	static const char *const kinds[] = { "sync", "IRQ", "FIQ", "SError" };
	char what[64];

	snprintf(what, sizeof(what), "unexpected %s exception, vector %u", kinds[vector % 4], vector);
	trap_die(f, esr, far, what);
}

void trap_stack(struct trapframe *f, u64 esr, u64 far, va_t sp)
{
	f->sp = sp + FRAME_SIZE;	/* before the entry moved it */
	trap_die(f, esr, far, "kernel stack overflow");
}

static_assert(EMERGENCY_STACK == 1 << 13);	/* entry.S */
