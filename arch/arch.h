// SPDX-License-Identifier: MIT
/*
 * The machine contract: all that a CPU must provide, and what it may call. A CPU is one folder
 * arch/NAME/ with these files and headers, found by the compiler's include path:
 *
 *   pte.h    part A: constants and entry conversions; pure, compiled on the host too
 *   cpu.h    who runs here, interrupts on and off, barriers, cpu_relax (see arch_lock.h)
 *   frame.h  struct trapframe and struct arch_thread, with the accessors that part C names
 *
 * Part A is pure; part B is privileged; part C is about threads and user mode; part D is what the
 * machine calls in the rest of the kernel.
 */
#pragma once

#include "lib/base.h"
#include "lib/errno.h"
#include "arch/arch_lock.h"

struct boot_info;
struct thread_head;
struct trapframe;
struct altstack;
struct signal_delivery;

/* ------------------------------------------------------------------ part A: entries (pte.h) */

/* A page-table entry: one member, so that bits are touched in pte.h only. All-zero is empty. */
struct pte {
	u64 raw;
};

enum pte_kind : u8 { PTE_EMPTY, PTE_TABLE, PTE_LEAF, PTE_SWAP };

/* What a leaf permits and is. R, W, X have the values of PROT_READ, PROT_WRITE, PROT_EXEC. */
enum pte_prot : u32 {
	P_R = 1, P_W = 2, P_X = 4,
	P_USER = 8,		/* user mode may use it; X then means user execution only */
	P_SHARED = 16,		/* software: never copy on write (MAP_SHARED, devices); vm.md law 7 */
	P_ACCESSED = 32,	/* preset when filling */
	P_DIRTY = 64,		/* preset when filling with P_W */
	P_DEVICE = 128,		/* registers: no caching, no reordering, no speculation */
	P_UNCACHED = 256,	/* memory without caching (write-combining), e.g. a framebuffer */
	P_GLOBAL = 512,		/* kernel: the same in every address space */
};

/*
 * pte.h defines:
 *   constexpr int PT_LEVELS      4: level 3 is the root, level 0 maps pages
 *   constexpr int PT_LEAF_MAX    highest level that may hold a leaf (2: 1 GiB blocks)
 *   constexpr bool PT_HIER_WP    a table entry can forbid writes below
 *   constexpr bool TLB_BROADCAST one CPU's flush reaches all CPUs
 *   constexpr int ASID_BITS_MAX
 *   constexpr va_t USER_END      first address above user memory (a page is left unused below it
 *                                on x86-64: sysret), constexpr unsigned USER_ROOT_SLOTS: root slots that
 *                                belong to user memory (256 on x86-64, 512 on arm64)
 *   constexpr int ARCH_MAP_32BIT the flag of mmap(2), 0 where there is none
 *   constexpr va_t DIRECT_BASE, KERNEL_BASE, KMAP_BASE, KMAP_END   kernel layout: all RAM; the image; kernel
 *                                stacks and device registers (KMAP_END - KMAP_BASE >= 64 GiB)
 *
 *   constexpr u64 PTE_ADDRESS    the bits of a leaf or table entry that depend on its address; a change of rights
 *                                flips the same bits whatever they hold
 *   enum pte_kind pte_kind(struct pte e, int level);
 *   struct pte pte_leaf(struct pa pa, int level, u32 prot);  law: pte_prot(pte_leaf(a,l,p)) == p
 *   struct pa pte_pa(struct pte e, int level);               of a leaf
 *   u32 pte_prot(struct pte e, int level);                   of a leaf
 *   struct pte pte_table(struct pa table);                   a slot that points to a table, writable below,
 *                                                            all rights; pa of the child: pte_table_pa
 *   struct pa pte_table_pa(struct pte e);
 *   struct pte pte_with_rights(struct pte e, int level, u32 rwx);   of a leaf: these rights, P_DIRTY with P_W, all else as it was
 *   struct pte pte_wprotect(struct pte e, int level);        leaf or table: takes write away (below it too);
 *   struct pte pte_wunprotect(struct pte e, int level);      only for tables: gives it back
 *   bool pte_writable(struct pte e, int level);              leaf or table slot: the write right in it
 *   bool pte_table_open(struct pte e);                       of a slot above level 0: a table that may be written
 *                                                            below (one test, for walks)
 *   struct pte pte_swap(u64 payload); u64 pte_payload(struct pte e);   non-present, 50 bits, never 0 raw
 * Law: a W^X leaf for users is never executable in the kernel, and kernel leaves never for users.
 */
#include <pte.h>

static_assert(sizeof(struct pte) == 8);
constexpr unsigned PT_SLOTS = 512;

/* Bytes that one slot of a table of this level covers. Level 0 slots map pages. */
static inline u64 pt_slot_size(int level)
{
	return 1ul << (PAGE_SHIFT + 9 * level);
}

static inline unsigned pt_index(va_t va, int level)
{
	return (unsigned)(va >> (PAGE_SHIFT + 9 * level)) & (PT_SLOTS - 1);
}

/* ------------------------------------------------------------------ part B: privileged */

/* Host tests play the machine: they implement what their sources call (test/host/support.c). */
#ifdef QUIRE_HOST
void *direct_map(struct pa pa);
struct pa direct_pa(const void *p);
#else
static inline void *direct_map(struct pa pa) { return (void *)(DIRECT_BASE + pa.v); }
static inline struct pa direct_pa(const void *p) { return (struct pa){ (va_t)p - DIRECT_BASE }; }
#endif

/* Memory that the firmware reports, and what the boot loader left in it. Filled by the machine's
 * entry code before kmain(). Physical, byte-exact; ranges do not overlap among `ram`. */
struct boot_range {
	u64 start, end;
};

struct boot_info {
	struct boot_range ram[64];
	unsigned nram;
	struct boot_range reserved[64];	/* image, device tree, initrd, firmware, boot tables */
	unsigned nreserved;
	struct boot_range initrd;	/* empty: none */
	const char *cmdline;		/* terminated, never nullptr */
	const void *fdt;		/* device tree in the direct map, or nullptr */
	u64 entry_ns;			/* clock at kernel entry */
};

/* MMU. On entry to kmain() the kernel image is mapped W^X at KERNEL_BASE, all RAM of boot_info at
 * DIRECT_BASE (writable, not executable; the image's text and rodata read-only), nothing else, and the
 * identity map is gone. arch_kernel_root(): root table that maps the kernel half (x86-64: every root's
 * upper slots are copies of its slots, which are all present from the start and never change). */
struct pte *arch_kernel_root(void);
/* Gives a fresh, zeroed user root its kernel half. */
void arch_root_init(struct pte *root);
/* Takes it out again: for a root that no CPU uses any more and that is to be a table like any other. */
void arch_root_clear(struct pte *root);
/* Number of ASID bits this machine has (PCID: 12, or 0 where it has none). */
int arch_asid_bits(void);
/* Makes this CPU use a user root under an ASID; no flush unless asked for (then that ASID's entries only).
 * With root = kernel root and asid 0: no user memory at all. Preemption is off. */
void arch_switch_root(struct pa root, u64 asid, bool flush);
/* Orders earlier stores (to tables; that this CPU is about to walk) before later walks by any CPU (dsb ishst; nothing on
 * x86). No isb is needed for user mappings, since an exception return follows. */
void arch_publish(void);
/* Drops translations of [start, end) of an ASID, page by page; `tables`: upper-level (walk) caches too. Where TLB_BROADCAST: on
 * all CPUs if `everywhere`, else on this one; complete on return. Elsewhere always on this CPU, for the ASID that is
 * loaded now. */
void arch_tlb_range(u64 asid, va_t start, va_t end, bool tables, bool everywhere);
void arch_tlb_asid(u64 asid, bool everywhere);
/* All ASIDs on this CPU only (rollover). */
void arch_tlb_local_all(void);
/* One page on this CPU only: before a fault returns (vm.md law 10). */
void arch_tlb_local_page(u64 asid, va_t va);
/* Kernel mappings changed: all CPUs where broadcast, else this one. */
void arch_tlb_kernel(va_t start, va_t end);
/* Makes bytes written through the direct map fetchable as code (arm64: clean D to PoU, invalidate I). */
void arch_sync_code(const void *p, size_t n);
/* Before a device without a view of the caches reads this memory, and again after it has written it: bytes go out to memory
 * and none stay behind. The memory shares no cache line with anything else (nothing to do on a PC). */
void arch_dma_sync(const void *p, size_t n);
/* Of a static object of the kernel: the direct map does not know those. */
struct pa arch_image_pa(const void *p);
/* Around transfers of a device that does not see the CPUs' caches (nothing where all do): before one in either direction, and after
 * one that wrote memory. Lines at the edges belong to the range whole. */
void arch_dma_begin(const void *p, size_t n);
void arch_dma_end(const void *p, size_t n);
/* Clears or copies one page of the direct map, the fastest way the CPU has. */
void arch_page_clear(void *page);
void arch_page_copy(void *dst, const void *src);
/* Clears its end: from an offset on, or a little before. */
void arch_page_clear_from(void *page, size_t from);

/* CPUs. Numbers 0 .. arch_cpu_count()-1; 0 boots. */
unsigned arch_cpu_count(void);
/* Starts a CPU that will enter cpu_main() on the given idle thread's stack. 0 or -errno; does not wait. */
int arch_cpu_start(unsigned cpu, struct thread_head *idle);

enum ipi : u8 { IPI_RESCHED, IPI_TLB, IPI_STOP, IPI_CALL, IPI_COUNT };
/* Asks CPUs (bit mask; never this one) to run ipi_handle(kind). Returns at once. */
void arch_ipi(u64 cpus, enum ipi kind);
/* Waits for an interrupt with interrupts off on entry; returns with them off. A wake-up between the
 * caller's last check and the wait is not lost. */
void arch_wait_irq(void);
[[noreturn]] void arch_halt(void);
[[noreturn]] void arch_reboot(void);
[[noreturn]] void arch_poweroff(void);

/* Time: nanoseconds since some moment before kmain(), monotonic over all CPUs, never wraps. */
u64 arch_clock_ns(void);
/* Asks for timer_interrupt() on this CPU at that time (the past: at once). ~0: never. */
void arch_timer_set(u64 deadline_ns);
/* Wall-clock seconds since 1970 if the machine has such a clock, else 0. */
u64 arch_rtc_seconds(void);

/* Reads a device's register of which is not known whether it is there: false if the bus says that nothing is. Where the
 * bus answers for what is missing (a PC's, with ones), true. */
[[nodiscard]] bool arch_device_read32(const volatile void *reg, u32 *value);

/* True randomness if the CPU or the device tree gives some: fills what it can, returns bytes. */
size_t arch_random(void *buf, size_t n);

/* User memory. Each returns the number of bytes NOT done (0 = all); faults are resolved by trap_fault() as
 * for user mode, and end the copy when it fails. The range must lie below USER_END (mm/user.h checks). */
size_t arch_copy_from_user(void *dst, va_t src, size_t n);
size_t arch_copy_to_user(va_t dst, const void *src, size_t n);
size_t arch_clear_user(va_t dst, size_t n);
/* Copies up to n bytes and stops behind a zero byte. Returns strlen, n if none in n bytes, or -EFAULT. */
long arch_strncpy_from_user(char *dst, va_t src, size_t n);
/* One word; 0 or -EFAULT. The next two aligned. */
int arch_user_load64(va_t uaddr, u64 *value);
int arch_user_store64(va_t uaddr, u64 value);
int arch_user_load32(va_t uaddr, u32 *value);
int arch_user_cmpxchg32(va_t uaddr, u32 old, u32 new_value, u32 *found);

/* Early console: works from the first instruction of kmain(), polled. */
void arch_early_putc(char c);
bool arch_early_works(void);	/* there is such a port, and it has not got stuck */
/* Registers the machine's own devices with dev/ (device tree or firmware tables). Called once, on CPU 0, with
 * memory, threads' data and interrupts ready but no scheduler yet. */
void arch_init_devices(void);
/* Interrupt controller, timer, CPU features of CPU 0; before interrupts are enabled. Secondary CPUs do theirs
 * before cpu_main(). */
void arch_init(struct boot_info *bi);

#ifndef QUIRE_HOST
/* ------------------------------------------------------------------ part C: threads, user mode (frame.h) */

/*
 * frame.h defines struct trapframe (all user registers, at the top of the kernel stack while in
 * the kernel) and struct arch_thread (callee-saved registers, TLS base, SIMD state), and:
 *   u64  frame_pc(f), frame_sp(f);  void frame_set_pc(f, v), frame_set_sp(f, v);
 *   bool frame_is_user(f);
 *   bool frame_in_syscall(f);            it came by a system call, not by an exception or interrupt
 *   u64  frame_syscall(f);               system call number
 *   u64  frame_arg(f, i);                argument 0..5 as passed
 *   u64  frame_result(f); void frame_set_result(f, v);
 *   void frame_syscall_restart(f);       makes the same call run again: number, argument 0 and pc as at entry
 *   void frame_set_syscall(f, nr);       the number only (restart_syscall)
 *   void frame_start(f, pc, sp);         all registers zero, user mode, as execve leaves them
 *   bool frame_step_begin(f);            a trap after the next instruction; false: there would be one anyway
 *   void frame_step_end(f);              none
 *   void frame_trace_enter(f);           how a tracer sees a call that has not run yet,
 *   void frame_trace_entered(f);         and the call that the frame then is
 */
#include <frame.h>

/* A thread that will call thread_started() and then fn(arg) in the kernel when first switched to, interrupts off; fn
 * must not return. */
void arch_thread_kernel(struct thread_head *t, struct arch_thread *a, void (*fn)(void *), void *arg);
/* A thread that will call thread_started() and then go to user mode with a copy of the frame (result 0). Copies the SIMD state of
 * the current thread (a_from is its arch_thread). Returns the new thread's frame for changes (stack pointer, TLS). */
struct trapframe *arch_thread_user(struct thread_head *t, struct arch_thread *a, const struct arch_thread *a_from,
				   const struct trapframe *frame);
/* What execve resets: TLS, SIMD state, debug state. */
void arch_thread_exec(struct arch_thread *a);
void arch_thread_set_tls(struct thread_head *t, struct arch_thread *a, u64 tls);
/* arch_prctl(2) of x86-64 on the current thread; -EINVAL elsewhere. */
long arch_thread_prctl(struct arch_thread *a, int op, u64 arg);
/* Saves the current thread and continues `next`; returns, when somebody switches back, the thread that ran
 * before. Interrupts off. Sets thread_self(), the kernel stack for the next entry and SIMD state (only if the
 * arch_thread has user state). */
struct thread_head *arch_switch(struct thread_head *prev, struct arch_thread *pa, struct thread_head *next,
				struct arch_thread *na);
/* The current thread's user registers that are not in the frame: to a, where others may use them; and back. In between it
 * does not go to user mode. */
void arch_thread_park(struct arch_thread *a);
void arch_thread_unpark(struct arch_thread *a);
/* Before a return to user mode that frame_step_begin() is for; interrupts off. */
void arch_step_enable(void);

/* Registers of a parked thread as ptrace(2) and core files have them: sets, by ELF note type. get: fills buf, returns the
 * size, or -EINVAL: no such set here. set: takes that many bytes; values that would break the kernel are refused (-EINVAL,
 * -EIO) or cleaned, as in arch_signal_pop(). */
enum : u32 { NT_PRSTATUS = 1, NT_PRFPREG = 2 };
constexpr size_t REGSET_MAX = 832;
long arch_regset_get(struct thread_head *t, struct arch_thread *a, u32 note, void *buf);
int arch_regset_set(struct thread_head *t, struct arch_thread *a, u32 note, const void *buf);
/* Bytes of which programs move some of a set, or all. */
unsigned arch_regset_unit(u32 note);
/* What of struct user (PTRACE_PEEKUSER) is not in NT_PRSTATUS, which it begins with: 0 or -EIO. */
int arch_user_area_peek(u64 offset, u64 *value);
int arch_user_area_poke(u64 offset, u64 value);
constexpr u32 AUDIT_ARCH_64_LE = 0xc0000000;	/* with the ELF machine: PTRACE_GET_SYSCALL_INFO */

/* Frame pointer of a thread that does not run: where backtrace() begins. */
u64 arch_thread_fp(const struct arch_thread *a);
/* Leaves the kernel through the frame at the top of the current thread's stack. */
[[noreturn]] void arch_enter_user(struct trapframe *f);
struct trapframe *arch_frame(const struct thread_head *t);	/* the user frame at the top of its stack */

/* Signals: builds Linux's rt_sigframe with the SIMD state on the user stack and points the frame at the
 * handler. 0 or -EFAULT (then the caller kills with SIGSEGV). struct signal_delivery: proc/signal.h. */
int arch_signal_push(struct trapframe *f, struct arch_thread *a, const struct signal_delivery *d);
/* rt_sigreturn: restores frame, SIMD and gives back the mask and what it says about the alternate stack. Values that would break the kernel are
 * refused or cleaned. 0 or -EFAULT. */
int arch_signal_pop(struct trapframe *f, struct arch_thread *a, u64 *mask, struct altstack *stack);

/* The vDSO, where a machine has one (weak: others define none of these): a page of code that exec maps into every program, a
 * shared object if it begins as one. attach: `page` is the copy that programs see. realtime: CLOCK_REALTIME is now
 * arch_clock_ns() + offset. */
[[gnu::weak]] extern const char arch_vdso_page[PAGE_SIZE];
[[gnu::weak]] void arch_vdso_attach(void *page);
[[gnu::weak]] void arch_vdso_realtime(u64 offset);

/* ELF: machine number, AT_PLATFORM, AT_HWCAP, AT_HWCAP2, uname's machine. */
struct arch_abi {
	u16 elf_machine;
	const char *machine;	/* "aarch64", "x86_64" */
	u64 hwcap, hwcap2;
	u64 min_sigstack;	/* AT_MINSIGSTKSZ */
};
extern struct arch_abi arch_abi;
/* Text of /proc/cpuinfo for one CPU; returns its length. */
int arch_cpuinfo(unsigned cpu, char *buf, size_t size);

/* ------------------------------------------------------------------ part D: what the machine calls */

/* boot/main.c; on CPU 0's idle thread, interrupts off. cpu_main: the other CPUs. */
[[noreturn]] void kmain(struct boot_info *bi);
[[noreturn]] void cpu_main(void);

/* A memory abort from user mode or from a user copy. */
struct fault {
	va_t address;
	u32 access;		/* one of P_R, P_W, P_X */
	bool user;		/* from user mode, not from a user copy in the kernel */
};
/* proc/trap.c. Resolves the fault, or: from user mode posts the signal and returns 0; from a user copy returns
 * -EFAULT and the machine goes to the copy's fix-up. Interrupts on, may sleep. A fault in the kernel that is
 * not in a user copy never comes here: the machine panics. */
int trap_fault(struct trapframe *f, struct fault flt);
/* Any other exception from user mode: posts signal `sig` with code and address. */
void trap_signal(struct trapframe *f, int sig, int code, va_t addr);
/* Does somebody want to hear of a trap after one instruction of the current thread? */
bool trap_step_expected(void);
/* sys/syscall.c: runs the call in the frame, which is whole, and stores its result. Interrupts on. */
void syscall_dispatch(struct trapframe *f);
/* Entry code may call a function itself: that of number nr is syscall_table[nr], for nr < head.calls. Its caller stores the
 * result. It must find in the frame the arguments, the number, pc, sp and flags; all registers only where the table has
 * syscall_whole, which is the machine's: it makes the frame whole and calls syscall_dispatch(). */
typedef long syscall_fn(struct trapframe *f);
constexpr unsigned SYSCALL_LIMIT = 511;		/* above all numbers that there are */
extern syscall_fn *const syscall_table[SYSCALL_LIMIT + 1];
extern syscall_fn syscall_whole;
/* proc/trap.c: before a return to user mode when head.work != 0, with interrupts off and a whole frame; returns
 * with nothing in it but THREAD_PTRACE and THREAD_LOG, and interrupts off. */
void user_work(struct trapframe *f);
/* proc/sched.c: first thing of a new thread, right after its first switch; finishes the switch. Interrupts off. */
void thread_started(struct thread_head *prev);
/* arch/irq.c, proc: interrupts off, on the current thread's stack, preempt raised by the machine around them. */
void ipi_handle(enum ipi kind);
void timer_interrupt(void);
#else
struct arch_thread { alignas(16) u64 none; };	/* the host keeps its threads' registers */
#endif
