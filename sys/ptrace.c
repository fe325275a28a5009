// SPDX-License-Identifier: MIT
/*
 * ptrace(2): decodes the requests. Most are about a thread that is stopped: it is held while its registers and memory are looked
 * at or changed. proc/ptrace.h has the rest.
 *
 * Leaves out (-EIO, as for any unknown request): SYSEMU, SECCOMP_*, RSEQ configuration, x86-64's ARCH_PRCTL and thread areas.
 */
#include "proc/ptrace.h"
#include "lib/string.h"
#include "mm/user.h"
#include "mm/vm.h"
#include "sys/syscall.h"
#include <abi.h>

enum {
	PTRACE_TRACEME, PTRACE_PEEKTEXT, PTRACE_PEEKDATA, PTRACE_PEEKUSER, PTRACE_POKETEXT, PTRACE_POKEDATA,
	PTRACE_POKEUSER, PTRACE_CONT, PTRACE_KILL, PTRACE_SINGLESTEP,
	PTRACE_GETREGS = 12, PTRACE_SETREGS, PTRACE_GETFPREGS, PTRACE_SETFPREGS, PTRACE_ATTACH, PTRACE_DETACH,
	PTRACE_SYSCALL = 24,
	PTRACE_SETOPTIONS = 0x4200, PTRACE_GETEVENTMSG, PTRACE_GETSIGINFO, PTRACE_SETSIGINFO, PTRACE_GETREGSET,
	PTRACE_SETREGSET, PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_LISTEN, PTRACE_PEEKSIGINFO, PTRACE_GETSIGMASK,
	PTRACE_SETSIGMASK, PTRACE_GET_SYSCALL_INFO = 0x420e,
};

/* ---- memory */

static long access_word(struct thread *t, va_t addr, u64 *word, bool write)
{
	struct vm *vm = task_vm(t->task);

	if (!vm)
		return -ESRCH;
	if (!ptrace_may_peek(t->task)) {
		vm_put(vm);
		return -EIO;
	}
	size_t n = write ? vm_force_write(vm, addr, word, sizeof(*word)) :
			   vm_force_read(vm, addr, word, sizeof(*word));

	vm_put(vm);
	return n == sizeof(*word) ? 0 : -EIO;
}

static long peek(struct thread *t, va_t addr, va_t data)
{
	u64 word;
	long err = access_word(t, addr, &word, false);

	return err ?: put_user(data, word);
}

/* ---- registers */

/* A set, from its beginning, into user memory; *n: how much there is room for, then how much it was. */
static long get_regset(struct thread *t, u32 note, va_t to, u64 *n)
{
	alignas(16) u8 buf[REGSET_MAX];
	long size = arch_regset_get(&t->head, &t->arch, note, buf);

	if (size < 0)
		return size;
	*n = min(*n, (u64)size);
	return copy_to_user(to, buf, *n);
}

/* What is not given stays. */
static long set_regset(struct thread *t, u32 note, va_t from, u64 *n)
{
	alignas(16) u8 buf[REGSET_MAX];
	long size = arch_regset_get(&t->head, &t->arch, note, buf);

	if (size < 0)
		return size;
	*n = min(*n, (u64)size);
	return copy_from_user(buf, from, *n) ?: arch_regset_set(&t->head, &t->arch, note, buf);
}

static long regset(struct thread *t, u64 note, va_t iov_at, bool set)
{
	struct { va_t base; u64 len; } iov;

	if (get_user(iov, iov_at))
		return -EFAULT;
	if (note > 0xffff'ffff || iov.len % arch_regset_unit((u32)note))
		return -EINVAL;
	long err = set ? set_regset(t, (u32)note, iov.base, &iov.len) : get_regset(t, (u32)note, iov.base, &iov.len);

	return err ?: put_user(iov_at + sizeof(iov.base), iov.len);
}

/* The requests from before there were sets: x86-64's only. */
static long whole_regset(struct thread *t, u32 note, va_t at, bool set)
{
	u64 n = REGSET_MAX;

	if (ABI_GENERIC)
		return -EIO;
	return set ? set_regset(t, note, at, &n) : get_regset(t, note, at, &n);
}

/* struct user begins with the registers. */
static long peek_user(struct thread *t, u64 offset, va_t data)
{
	alignas(16) u8 buf[REGSET_MAX];
	u64 word;

	if (ABI_GENERIC || offset % sizeof(u64))
		return -EIO;
	long size = arch_regset_get(&t->head, &t->arch, NT_PRSTATUS, buf);

	if (offset < (u64)size)
		memcpy(&word, buf + offset, sizeof(word));
	else if (arch_user_area_peek(offset, &word))
		return -EIO;
	return put_user(data, word);
}

static long poke_user(struct thread *t, u64 offset, u64 word)
{
	alignas(16) u8 buf[REGSET_MAX];

	if (ABI_GENERIC || offset % sizeof(u64))
		return -EIO;
	long size = arch_regset_get(&t->head, &t->arch, NT_PRSTATUS, buf);

	if (offset >= (u64)size)
		return arch_user_area_poke(offset, word);
	memcpy(buf + offset, &word, sizeof(word));
	return arch_regset_set(&t->head, &t->arch, NT_PRSTATUS, buf);
}

/* ---- signals */

static long peek_siginfo(struct thread *t, va_t args_at, va_t data)
{
	constexpr u32 SHARED = 1;
	struct { u64 offset; u32 flags; s32 n; } args;
	struct siginfo info;
	long done = 0;

	if (get_user(args, args_at))
		return -EFAULT;
	if (args.flags & ~SHARED || args.n < 0)
		return -EINVAL;
	for (; done < args.n; done++) {
		if (!ptrace_peek_signal(t, args.flags & SHARED, args.offset + (u64)done, &info))
			break;
		if (siginfo_put(data + (u64)done * SIGINFO_USER, &info))
			return done ?: -EFAULT;
	}
	return done;
}

static long get_siginfo(struct thread *t, va_t data)
{
	const struct ptrace *p = t->ptrace;

	return p->has_info ? siginfo_put(data, &p->info) : -EINVAL;
}

static long set_siginfo(struct thread *t, va_t data)
{
	struct siginfo info;
	int err = siginfo_get(&info, data, -1);

	if (err)
		return err;
	if (!t->ptrace->has_info)
		return -EINVAL;
	t->ptrace->info = info;
	return 0;
}

static long signal_mask(struct thread *t, u64 size, va_t data, bool set)
{
	u64 mask = ptrace_blocked(t);

	if (size != sizeof(mask))
		return -EINVAL;
	if (!set)
		return put_user(data, mask);
	if (get_user(mask, data))
		return -EFAULT;
	ptrace_set_blocked(t, mask);
	return 0;
}

/* ---- what it has stopped for */

/* Linux's struct ptrace_syscall_info, without seccomp's part. */
struct syscall_info {
	u8 op, pad[3];
	u32 arch;
	u64 pc, sp;
	union {
		struct { u64 nr, args[6]; } entry;
		struct { s64 value; u8 is_error; } exit;
	};
};
static_assert(offsetof(struct syscall_info, entry) == 24 && sizeof(struct syscall_info) == 80);

enum { OP_NONE, OP_ENTRY, OP_EXIT };

static u64 describe_call(const struct trapframe *f, int op, struct syscall_info *s)
{
	s64 result = (s64)frame_result(f);

	s->op = (u8)op;
	if (op == OP_ENTRY) {
		s->entry.nr = frame_syscall(f);
		for (unsigned i = 0; i < 6; i++)
			s->entry.args[i] = frame_arg(f, i);
		return sizeof(*s);
	}
	s->exit.value = result;
	s->exit.is_error = result < 0 && result >= -4095;
	return offsetof(struct syscall_info, exit.is_error) + 1;
}

/* The result is the size there would be. */
static long get_syscall_info(struct thread *t, u64 size, va_t data)
{
	const struct ptrace *p = t->ptrace;
	const struct trapframe *f = arch_frame(&t->head);
	struct syscall_info s = {
		.arch = AUDIT_ARCH_64_LE | arch_abi.elf_machine, .pc = frame_pc(f), .sp = frame_sp(f),
	};
	u64 actual = offsetof(struct syscall_info, entry);

	if (p->has_info && p->info.code == (SIGTRAP | 0x80))
		actual = describe_call(f, p->message == PTRACE_EVENTMSG_SYSCALL_ENTRY ? OP_ENTRY : OP_EXIT, &s);
	return copy_to_user(data, &s, min(actual, size)) ?: (long)actual;
}

static long set_options(struct thread *t, u64 options)
{
	if (options & ~(u64)PTRACE_O_ALL)
		return -EINVAL;
	t->ptrace->options = (u32)options;
	return 0;
}

/* ---- going on */

static long resume(struct thread *t, enum ptrace_resume how, u64 sig)
{
	if (sig > NSIG)
		return -EIO;
	ptrace_resume(t, how, (int)sig);
	return 0;
}

static long detach(struct thread *t, u64 sig)
{
	if (sig > NSIG)
		return -EIO;
	ptrace_detach(t, (int)sig);
	return 0;
}

static long kill_traced(int tid)
{
	struct thread *t = ptrace_find(tid);

	if (!t)
		return -ESRCH;
	(void)signal_thread(t, SIGKILL, nullptr);
	thread_put(t);
	return 0;
}

static long seize(int tid, u64 addr, u64 options)
{
	if (addr || options & ~(u64)PTRACE_O_ALL)
		return -EIO;
	return ptrace_attach(tid, true, (u32)options);
}

/* Requests on a thread that is held. */
static long request_registers(struct thread *t, long request, u64 addr, u64 data)
{
	switch (request) {
	case PTRACE_PEEKUSER: return peek_user(t, addr, data);
	case PTRACE_POKEUSER: return poke_user(t, addr, data);
	case PTRACE_GETREGS: return whole_regset(t, NT_PRSTATUS, data, false);
	case PTRACE_SETREGS: return whole_regset(t, NT_PRSTATUS, data, true);
	case PTRACE_GETFPREGS: return whole_regset(t, NT_PRFPREG, data, false);
	case PTRACE_SETFPREGS: return whole_regset(t, NT_PRFPREG, data, true);
	case PTRACE_GETREGSET: return regset(t, addr, data, false);
	case PTRACE_SETREGSET: return regset(t, addr, data, true);
	case PTRACE_GET_SYSCALL_INFO: return get_syscall_info(t, addr, data);
	default: return -EIO;
	}
}

static long request_held(struct thread *t, long request, u64 addr, u64 data)
{
	switch (request) {
	case PTRACE_PEEKTEXT:
	case PTRACE_PEEKDATA: return peek(t, addr, data);
	case PTRACE_POKETEXT:
	case PTRACE_POKEDATA: return access_word(t, addr, &data, true);
	case PTRACE_CONT: return resume(t, RESUME_CONT, data);
	case PTRACE_SYSCALL: return resume(t, RESUME_SYSCALL, data);
	case PTRACE_SINGLESTEP: return resume(t, RESUME_STEP, data);
	case PTRACE_DETACH: return detach(t, data);
	case PTRACE_LISTEN: return ptrace_listen(t);
	case PTRACE_SETOPTIONS: return set_options(t, data);
	case PTRACE_GETEVENTMSG: return put_user(data, t->ptrace->message);
	case PTRACE_GETSIGINFO: return get_siginfo(t, data);
	case PTRACE_SETSIGINFO: return set_siginfo(t, data);
	case PTRACE_PEEKSIGINFO: return peek_siginfo(t, addr, data);
	case PTRACE_GETSIGMASK: return signal_mask(t, addr, data, false);
	case PTRACE_SETSIGMASK: return signal_mask(t, addr, data, true);
	default: return request_registers(t, request, addr, data);
	}
}

SYSCALL(ptrace)
{
	long request = ARG_LONG(0);
	int tid = ARG_INT(1);
	struct thread *t;

	switch (request) {
	case PTRACE_TRACEME: return ptrace_traceme();
	case PTRACE_ATTACH: return ptrace_attach(tid, false, 0);
	case PTRACE_SEIZE: return seize(tid, ARG_U64(2), ARG_U64(3));
	case PTRACE_INTERRUPT: return ptrace_interrupt(tid);
	case PTRACE_KILL: return kill_traced(tid);
	}
	int err = ptrace_hold(tid, &t);

	if (err)
		return err;
	long result = request_held(t, request, ARG_U64(2), ARG_U64(3));

	ptrace_let(t);
	return result;
}
