// SPDX-License-Identifier: MIT
/* See vm_jobs.h. Coroutine 0 is the step itself. */
#include <ucontext.h>
#include "vm_jobs.h"
#if __has_feature(address_sanitizer)
#include <sanitizer/common_interface_defs.h>
#endif

constexpr unsigned COROUTINES = 3, STACK = 1 << 20;
constexpr unsigned RARELY = 8;		/* how seldom something happens at a point */
constexpr unsigned STUCK = 100000;	/* turns in which nobody got a lock */

static struct coroutine {
	ucontext_t context;
	bool active;
	unsigned cpu;
	char *stack;
	size_t stack_size;
} coroutines[COROUTINES];

static unsigned current, held, waited;
static void (*job)(void);
static u64 done;
static struct { unsigned users, alone, changing; } claims[SPACES];

u64 jobs_done(void) { return done; }

/* ---- taking turns */

/* The address sanitizer wants to know which stack it is on. */
static void leave(void **fake_stack, const struct coroutine *to)
{
#if __has_feature(address_sanitizer)
	__sanitizer_start_switch_fiber(fake_stack, to->stack, to->stack_size);
#endif
}

static void arrive(void *fake_stack)
{
#if __has_feature(address_sanitizer)
	const void *bottom;
	size_t size;

	__sanitizer_finish_switch_fiber(fake_stack, &bottom, &size);
	if (!coroutines[0].stack) {		/* the first switch of all comes from there */
		coroutines[0].stack = (char *)bottom;
		coroutines[0].stack_size = size;
	}
#endif
	host_cpu_set(coroutines[current].cpu);
}

static void switch_to(unsigned n)
{
	unsigned from = current;
	void *fake_stack = nullptr;

	coroutines[from].cpu = cpu_id();
	current = n;
	leave(&fake_stack, &coroutines[n]);
	swapcontext(&coroutines[from].context, &coroutines[n].context);
	arrive(fake_stack);
}

/* Some other one; false: there is none. */
static bool take_turns(void)
{
	unsigned first = host_below(COROUTINES);

	for (unsigned i = 0; i < COROUTINES; i++) {
		unsigned n = (first + i) % COROUTINES;

		if (n != current && coroutines[n].active) {
			switch_to(n);
			return true;
		}
	}
	return false;
}

/* A coroutine, again and again. */
static void run_jobs(void)
{
	arrive(nullptr);
	for (;;) {
		job();
		done++;
		coroutines[current].active = false;
		switch_to(0);
	}
}

static bool may_begin(unsigned cpu)
{
	for (unsigned i = 0; i < SPACES; i++) {
		if (claims[i].alone && spaces[i].vm && machine_running(cpu) == spaces[i].vm)
			return false;
	}
	return !jobs_busy(cpu);
}

static void begin_job(void)
{
	unsigned cpu = host_below(MACHINE_CPUS), n = 1;

	while (n < COROUTINES && coroutines[n].active)
		n++;
	if (n == COROUTINES || !may_begin(cpu))
		return;
	struct coroutine *c = &coroutines[n];

	if (!c->stack) {
		c->stack = malloc(STACK);
		c->stack_size = STACK;
		getcontext(&c->context);
		c->context.uc_stack = (stack_t){ .ss_sp = c->stack, .ss_size = STACK };
		makecontext(&c->context, run_jobs, 0);
	}
	c->active = true;
	c->cpu = cpu;
	switch_to(n);
}

/* Who lets go of a space's lock has flushed. But what the reclaimer changes in tables that many have, without their locks, is
 * flushed later (law 13). */
static void check_flushed(void)
{
	unsigned cpu = host_below(MACHINE_CPUS);
	const struct vm *vm = machine_running(cpu);
	const char *wrong = vm && !reclaiming && !rwlock_is_locked(&vm->lock) ? machine_check_cpu(cpu) : nullptr;

	check(!wrong, "nobody has the lock, and %s", wrong);
}

static void point(unsigned weight)
{
	waited = 0;
	if (host_below(4 * RARELY) == 0)
		check_flushed();
	if (held || host_below(RARELY) >= weight)
		return;
	if (host_below(2))
		begin_job();
	else
		take_turns();
}

/* A lock is taken: by one of the others. */
void cpu_relax(void)
{
	check(take_turns() && ++waited < STUCK, "a lock that nobody lets go of");
}

void jobs_begin(void (*fn)(void))
{
	job = fn;
	current = 0;
	held = 1;
	for (unsigned i = 0; i < COROUTINES; i++)
		coroutines[i].active = i == 0;
	for (unsigned i = 0; i < SPACES; i++)
		claims[i] = (typeof(claims[i])){};
	machine_on_point(fn ? point : nullptr);
}

void jobs_finish(void)
{
	assert(current == 0);
	held++;		/* no new ones */
	while (take_turns())
		;
	held--;
}

static unsigned count_active(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < COROUTINES; i++)
		n += coroutines[i].active;
	return n;
}

bool jobs_hold(void)
{
	if (count_active() > 1)
		return false;
	held++;
	return true;
}

void jobs_go_on(void) { held--; }

bool jobs_busy(unsigned cpu)
{
	for (unsigned i = 0; i < COROUTINES; i++) {
		if (coroutines[i].active && (i == current ? cpu_id() : coroutines[i].cpu) == cpu)
			return true;
	}
	return false;
}

/* ---- claims */

/* Does another CPU that is in the kernel run it? It cannot be made to leave it. */
static bool runs_elsewhere(const struct vm *vm)
{
	for (unsigned i = 0; i < COROUTINES; i++) {
		if (i != current && coroutines[i].active && machine_running(coroutines[i].cpu) == vm)
			return true;
	}
	return false;
}

bool space_claim(const struct space *s, enum claim how)
{
	typeof(&claims[0]) c = &claims[s - spaces];

	if (c->alone || (how != CLAIM_USE && (c->users || (s->vm && runs_elsewhere(s->vm)))))
		return false;
	c->users++;
	c->alone = how != CLAIM_USE;
	c->changing = how == CLAIM_CHANGE;
	return true;
}

void space_release(const struct space *s, enum claim how)
{
	typeof(&claims[0]) c = &claims[s - spaces];

	assert(c->users && c->alone == (how != CLAIM_USE));
	c->users--;
	c->alone = c->changing = 0;
}

bool space_changes(const struct space *s) { return claims[s - spaces].changing; }
