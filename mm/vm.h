// SPDX-License-Identifier: MIT
/*
 * Address spaces: one layout, one root table, one lock, one ASID, limits and counters; and the operations on
 * them that system calls are made of (mm/map.c and its neighbours). Addresses and lengths come as programs give them:
 * every function checks and returns Linux's errno.
 */
#pragma once

#include "lib/base.h"
#include "lib/errno.h"
#include "lib/list.h"
#include "lib/lock.h"
#include "mm/layout.h"
#include "mm/object.h"
#include "mm/tlb.h"

struct vm_limits {			/* RLIMIT_*, in bytes; set by proc, read here */
	u64 as, data, stack, memlock;
};

struct vm_rss {				/* pages; mm/rss.c */
	u64 last, peak;			/* (v) and, among readers, the root table's lock: when last looked; most */
	u64 faults;			/* (the same) vm->min_faults at that time */
	u64 slack;			/* (the same; 0 stored by faults of whole blocks) so many more faults do not matter */
	u64 along;			/* (a) approximate: pages that came beside those faults ask for, so far; */
	u64 along_then;			/* (as last) and at that time */
};
constexpr u64 RSS_SLACK_MIN = 64;	/* faults */

/* What exec leaves for others to look at. All that forks of one program share it; only refs changes. */
struct vm_image {
	u32 refs;			/* (a) spaces */
	struct object *exe;		/* the program's file: a reference */
	void *exe_path;			/* the fs layer's struct path of it, released by exe_release */
	void (*exe_release)(void *exe_path);
	va_t arg_start, arg_end, env_start, env_end;	/* for /proc/PID/cmdline */
	u64 auxv[48];			/* for /proc/PID/auxv: up to AT_NULL */
};

/* (v) under lock  (a) atomic  (i) fixed after creation */
struct vm {
	/* One cache line: what every fault writes to. */
	u64 min_faults;			/* (a) approximate */
	struct rwlock lock;		/* readers fault, writers change the layout or fork */
	struct layout layout;		/* (v); layout.commit_pages: (a) read, what it has been promised */

	struct page *root;		/* (i) root table, refs 1 for us */
	struct asid_context asid;
	u64 tlb_gen;			/* (a) flushes so far, where they are not broadcast */
	u64 cpus;			/* (a) CPUs that have it loaded now; TLB_BROADCAST: that may hold entries */
	u64 tlb_seen[MAX_CPUS];		/* (c) */
	struct list all;		/* in the list of all address spaces (vm_list_lock) */
	u32 users;			/* (a) tasks; at 0 the memory goes */
	u32 refs;			/* (a) users (one together) + short-lived holders such as /proc */

	va_t mmap_top;			/* (i) mappings are found below, downwards */
	va_t brk_start, brk;		/* (v) heap: [brk_start, brk) bytes */
	va_t stack_top;			/* (i) */
	va_t vdso;			/* (i after exec) */
	struct vm_image *image;		/* (i after exec) a reference */
	struct vm_limits limits;	/* (a) */
	u64 maj_faults;			/* (a) approximate */
	va_t reuse_next;		/* (a) where the last run of pages ended that became writable again: a hint */
	struct vm_rss rss;
	u64 peak_pages;			/* (v) largest layout.pages */
	u32 def_flags;			/* (v) R_LOCKED, R_LOCKONFAULT after mlockall(MCL_FUTURE) */
	bool special_regions;		/* (v) some region is R_DONTFORK or R_WIPEONFORK */
	bool sealed;			/* (v) some region is R_SEALED */
	bool unmaps_object;		/* (v) tables come from the reserve */
	u32 membarrier;			/* (a) what it has registered for: MEMBARRIER_CMD_REGISTER_* */
	bool no_blocks;			/* (a) prctl(PR_SET_THP_DISABLE) */
	bool oom_victim;		/* (a) its tasks get memory from the reserve */
	bool shares_locked;		/* (i) tables it had at its fork may map what an ancestor has locked */
};
static_assert(offsetof(struct vm, layout.found) + sizeof(void *) <= CACHE_LINE);	/* vm.c aligns it */

/* Layouts, objects, address spaces and their numbers, the zero page; after kmem_init and the CPUs' count. */
void mm_init(void);

/* An empty address space with one user, or nullptr. aslr: random mmap_top, stack_top and brk. */
[[nodiscard]] struct vm *vm_new(bool aslr);
/* For exec: gives it an image, empty but for a null auxiliary vector; 0 or -ENOMEM. */
[[nodiscard]] int vm_give_image(struct vm *vm);
void vm_get(struct vm *vm);		/* one more user */
void vm_put(struct vm *vm);		/* one user less; the last frees all memory at once. May sleep */
void vm_hold(struct vm *vm);		/* keeps the struct only */
void vm_release(struct vm *vm);
/* One more user, unless there is none left (for /proc and such): then false. */
bool vm_try_get(struct vm *vm);

/* fork: *out shares everything with vm, copy-on-write. Costs the same for any size. 0 or -ENOMEM. stack: where both sides will write
 * as soon as they run: that page is copied at once. 0: nowhere; so where other threads use vm, who would see the copy being made. */
[[nodiscard]] int vm_fork(struct vm *vm, va_t stack, struct vm **out);

/* The current thread's address space, nullptr for kernel threads. Set by proc at switches. */
struct vm *vm_current(void);

/* May the current thread lock as much memory as it likes (CAP_IPC_LOCK)? In proc. */
bool vm_lock_unlimited(void);

/* Is the current thread about to be killed, so that work for it is in vain? In proc. */
bool vm_work_vain(void);

/* Sleeps until memory may have come free (proc/oom.c); for the few who can neither fail nor go on. */
void vm_wait_for_memory(void);

/* ---- faults (mm/fault.c) */
enum fault_result : int {
	FAULT_OK = 0,			/* resolved: run the instruction again */
	FAULT_MAPERR = 1,		/* SIGSEGV, SEGV_MAPERR */
	FAULT_ACCERR = 2,		/* SIGSEGV, SEGV_ACCERR */
	FAULT_BUS = 3,			/* SIGBUS, BUS_ADRERR: beyond the end of the object, or I/O error */
	FAULT_OOM = 4,			/* no memory: the OOM killer has done its work, or SIGBUS/kill */
};
/* What a fault did about it: each a function of mm/fault*.c, and a counter of struct vm_stats. */
#define FAULT_DEEDS(X)                                                                          \
	X(zero_write) X(zero_read) X(file_read) X(file_around) X(file_private) X(file_shared)    \
	X(cow_copy) X(cow_reuse) X(block_fill) X(block_reuse) X(spurious)
enum fault_deed : u8 {
	DEED_nothing,
#define DEED(name) DEED_##name,
	FAULT_DEEDS(DEED)
#undef DEED
	DEEDS
};
/* access: P_R, P_W or P_X. Sleeps. vm->lock not held. */
enum fault_result vm_fault(struct vm *vm, va_t address, u32 access);
/* The same, and what was done. */
enum fault_result vm_fault_deed(struct vm *vm, va_t address, u32 access, enum fault_deed *deed);
/* The same, and the page that is there now, for access through the direct map. force: private memory also where the region's
 * rights forbid it; they stay what they are. FAULT_OK: vm->lock is held until vm_page_done(), so that no fork comes in between, after
 * which the page might be another's; for reading, or for writing where a write is forced, as another such write may copy the page. */
enum fault_result vm_fault_page(struct vm *vm, va_t address, u32 access, bool force, struct page **page);
void vm_page_done(struct vm *vm, struct page *p);
/* Makes [start, end) present for that access without touching user memory; 0 or -EFAULT, -ENOMEM. vm->lock not held. */
[[nodiscard]] int vm_populate(struct vm *vm, va_t start, va_t end, u32 access);

/* ---- the operations (map.c, map_change.c, remap.c, advise.c, grow.c, mlock.c). All take vm->lock themselves. Results are
 * addresses or -errno. */
/* flags, prot: Linux's MAP_* and PROT_*. object: nullptr for anonymous; max_prot R_MAX* from how the file was opened; offset in
 * bytes. A reference on object is taken if it succeeds. */
long vm_mmap(struct vm *vm, va_t addr, u64 len, int prot, int flags, struct object *object, u32 max_prot, u64 offset);
/* For an mmap that fails with err: the reason that Linux finds first. */
long vm_mmap_refused(struct vm *vm, va_t addr, u64 len, int flags, u64 offset, int err);
long vm_munmap(struct vm *vm, va_t addr, u64 len);
long vm_mprotect(struct vm *vm, va_t addr, u64 len, int prot);
long vm_mseal(struct vm *vm, va_t addr, u64 len);
long vm_mremap(struct vm *vm, va_t old, u64 old_len, u64 new_len, int flags, va_t new_addr);
long vm_madvise(struct vm *vm, va_t addr, u64 len, int advice);
long vm_brk(struct vm *vm, va_t brk);
long vm_mincore(struct vm *vm, va_t addr, u64 len, va_t vec);
long vm_msync(struct vm *vm, va_t addr, u64 len, int flags);
long vm_mlock(struct vm *vm, va_t addr, u64 len, u32 lock);	/* R_LOCKED [| R_LOCKONFAULT]; 0: munlock */
long vm_mlockall(struct vm *vm, int flags);
long vm_munlockall(struct vm *vm);
long vm_remap_file_pages(struct vm *vm, va_t addr, u64 len, int prot, u64 page, int flags);

/* For exec: puts a region at a fixed place in a vm that does not run yet; replaces what is there. */
[[nodiscard]] int vm_map_fixed(struct vm *vm, const struct region *r);
/* The same: p, a private page that the caller has filled, is what is at va from now on, where a region is mapped and nothing was
 * touched. p goes along, also where that fails. 0, -ENOMEM. */
[[nodiscard]] int vm_place_page(struct vm *vm, va_t va, struct page *p);
/* Writes to / reads from memory of any vm (ptrace, process_vm_*): faults pages in. Returns bytes done. */
size_t vm_write(struct vm *vm, va_t addr, const void *src, size_t n);
size_t vm_read(struct vm *vm, va_t addr, void *dst, size_t n);
/* For debuggers: also where the program itself may not (vm_fault_page()); what was written can be run as code. */
size_t vm_force_write(struct vm *vm, va_t addr, const void *src, size_t n);
size_t vm_force_read(struct vm *vm, va_t addr, void *dst, size_t n);
/* Does the region at addr, if there is one, have this right (R_READ, R_WRITE)? The CPU may grant more. */
bool vm_allows(struct vm *vm, va_t addr, u32 right);

/* Unmaps pages [first, last] of an object from every address space; copies: private copies of them, too. Sleeps. */
void vm_unmap_object(struct object *o, u64 first, u64 last, bool copies);
/* May some space write to it through a shared mapping? If not, and it was marked as sealed before, none ever will. */
bool vm_object_writable(const struct object *o);

/* How many regions of all address spaces map it. Sleeps. */
u64 vm_object_mappings(const struct object *o);
/* Unmaps what maps an object of this kind as a whole from addr on: the object with a reference. -EINVAL: there is none. */
long vm_detach(struct vm *vm, va_t addr, const struct object_ops *kind, struct object **out);

/* ---- what is resident, at most (rss.c). Before anything is unmapped, under the lock: remembers how much there is. */
void vm_rss_look(struct vm *vm);
static inline void vm_rss_note(struct vm *vm)
{
	if (unlikely(load_relaxed(&vm->min_faults) - load_relaxed(&vm->rss.faults) > load_relaxed(&vm->rss.slack)))
		vm_rss_look(vm);
}
static inline void vm_rss_came_along(struct vm *vm, u64 pages)
{
	store_relaxed(&vm->rss.along, load_relaxed(&vm->rss.along) + pages);	/* may miss some: others fault too */
}
void vm_rss_inherit(struct vm *child, struct vm *vm);	/* for fork, under vm's lock for writing */
/* The most that was ever resident, in pages. exact: as of now, and takes the lock; else what a 64th as many faults have brought, or
 * 64, up to 16 pages each, may be missed or too many, or what came since the last look missed if the lock is taken. */
u64 vm_rss_peak(struct vm *vm, bool exact);
void vm_rss_peak_reset(struct vm *vm);		/* from now on */

/* /proc/PID/clear_refs: takes the marks of use from the entries of all regions, of those without an object, or of those with one
 * (mm/accessed.c). 0, or -ENOMEM with some of it done. */
enum accessed_kind : u8 { ACCESSED_ALL = 1, ACCESSED_ANON, ACCESSED_MAPPED };
[[nodiscard]] int vm_clear_accessed(struct vm *vm, enum accessed_kind kind);

/* Calls fn for every address space, with a reference held; may sleep. */
void vm_for_each(void (*fn)(struct vm *vm, void *arg), void *arg);

/* Pages that all spaces have been promised. */
u64 vm_committed(void);

/* For the reclaimer. The space behind `vm` in the list (nullptr: the first), held by vm_hold(); lets go of vm. nullptr: the end. */
struct vm *vm_next_held(struct vm *vm);
/* vm->lock for writing if it is free and the space has memory: 1; 0 if it is taken, -1 if the space is dead. */
int vm_try_reclaim(struct vm *vm);
/* Flushes [start, end) in every space: for a frozen table, which has no single owner (law 13). */
void vm_flush_everywhere(va_t start, va_t end);

/* Counters for /proc/vmstat. */
struct vm_stats {
	union {
		u64 deeds[DEEDS];	/* faults, each by what it did last */
		struct {
			u64 nothing;
#define DEED(name) u64 name;
			FAULT_DEEDS(DEED)
#undef DEED
		};
	};
	u64 faults;			/* their sum, which vm_stats() makes */
	u64 stack_growth, owns, clones, forks, major, block_fallback, block_split, block_collapse;
};
void vm_stats(struct vm_stats *out);
/* Recounts all tables, pages and references of all address spaces against the descriptors. The world must be quiet
 * enough: takes every vm's lock. Returns findings. */
unsigned vm_audit(void (*report)(void *arg, const char *line), void *arg);
