// SPDX-License-Identifier: MIT
/*
 * Time is the TSC (SDM 3B 18.17): taken to run at one rate on all CPUs, as it has since 2008.
 * ns = tsc * mult >> 32, in 128 bits: nothing overflows for 500 years.
 *
 * The rate: from CPUID (exact), else measured against the PIT. The measurement looks for
 * moments when the PIT's count changes: each lies between two reads of the TSC, so the error is
 * known, and it ends as soon as that is below 20 ppm (its typical value is far less): a
 * millisecond where port reads are fast, 40 ms at the worst.
 */
#include "lib/printf.h"
#include "x86.h"

constexpr u32 PIT_HZ = 1193182;
constexpr u16 PIT_DATA = 0x40, PIT_COMMAND = 0x43;
constexpr u32 PIT_WINDOW_MAX = PIT_HZ / 25;
constexpr u64 ERROR_PPM = 20, ERROR_PPM_ENOUGH = 300;
constexpr u64 PIT_GAP_MAX = 100000;	/* TSC ticks; 256 of the PIT's are 215 us */
constexpr unsigned PIT_RUNS = 20;
constexpr u64 NS = 1000000000;

u64 x86_tsc_hz;
static u64 ns_mult;		/* ns per tick, 32 fraction bits */
static u64 tsc_mult;		/* ticks per ns, 32 fraction bits */

u64 arch_clock_ns(void) { return scale32(rdtsc(), ns_mult); }
u64 x86_clock_ns(u64 tsc) { return scale32(tsc, ns_mult); }
u64 x86_clock_tsc(u64 ns) { return scale32(ns, tsc_mult); }

void delay_us(u32 us)
{
	u64 end = arch_clock_ns() + us * 1000ul;

	while (arch_clock_ns() < end)
		cpu_relax();
}

/* CPUID 0x15: crystal and ratio; hypervisors' 0x40000010: kHz. 0: not told. */
static u64 hz_from_cpuid(void)
{
	u32 last = cpuid(0, 0).a;

	if (last >= 0x15) {
		struct cpuid r = cpuid(0x15, 0);

		if (r.a && r.b && r.c)
			return (u64)r.c * r.b / r.a;
	}
	if ((cpuid(1, 0).c & BIT(31)) && cpuid(0x40000000, 0).a >= 0x40000010)
		return cpuid(0x40000010, 0).a * 1000ul;
	return 0;
}

/* Of the count only the low byte is read: one port, nothing to latch. */
struct pit {
	u64 begin;		/* TSC before the last read */
	u8 count;
};

/* A change of the count: after the read that began at `before`, ahead of the end, at `after`, of
 * the next. */
struct pit_edge {
	u64 before, after;
};

/* False: the count stands still (there is no PIT), or we were held up so long that its low byte may
 * have gone round. */
static bool pit_next_edge(struct pit *p, struct pit_edge *e)
{
	u8 old = p->count;

	for (unsigned tries = 0; tries < 10000; tries++) {
		e->before = p->begin;
		p->begin = rdtsc();
		p->count = inb(PIT_DATA);
		if (p->begin - e->before > PIT_GAP_MAX)
			return false;
		if (p->count != old) {
			e->after = rdtsc();
			return e->after - e->before <= PIT_GAP_MAX;
		}
	}
	return false;
}

/* One run, until it is exact enough, long enough or disturbed. Returns the error in ppm. */
static u64 pit_measure(u64 *hz)
{
	struct pit p = { rdtsc(), inb(PIT_DATA) };
	struct pit_edge a, b;
	u64 ticks = 0, span = 0, error = ~0ul;

	if (!pit_next_edge(&p, &a))
		return error;
	for (u8 last = p.count; error > ERROR_PPM && ticks < PIT_WINDOW_MAX; last = p.count) {
		if (!pit_next_edge(&p, &b))
			break;
		ticks += (u8)(last - p.count);
		span = ((b.before + b.after) - (a.before + a.after)) / 2;
		error = (b.after - b.before + a.after - a.before) * 500000 / span;
	}
	if (ticks)
		*hz = muldiv(span, PIT_HZ, ticks);
	return error;
}

/* Under a busy hypervisor one run in a few is disturbed early. */
static u64 hz_from_pit(void)
{
	u64 hz = 0, best = ~0ul;

	outb(PIT_COMMAND, 0x14);	/* channel 0, low byte only, mode 2 (rate), binary */
	outb(PIT_DATA, 0);
	for (unsigned runs = 0; runs < PIT_RUNS && best > ERROR_PPM_ENOUGH; runs++) {
		u64 found = 0, error = pit_measure(&found);

		if (error < best) {
			best = error;
			hz = found;
		}
	}
	return hz;
}

void x86_clock_init(void)
{
	x86_tsc_hz = hz_from_cpuid();
	if (x86_tsc_hz == 0)
		x86_tsc_hz = hz_from_pit();
	if (x86_tsc_hz == 0 && cpuid(0, 0).a >= 0x16)
		x86_tsc_hz = cpuid(0x16, 0).a * 1000000ul;	/* nominal, in MHz */
	if (x86_tsc_hz == 0)
		x86_tsc_hz = NS;	/* runs on with a wrong clock rather than not at all */
	ns_mult = muldiv(NS, BIT(32), x86_tsc_hz);
	tsc_mult = muldiv(x86_tsc_hz, BIT(32), NS);
}

/* ------------------------------------------------------------------ the vDSO's numbers */

/* The page's last words (vdso.S). Each is read on its own, so programs need no lock: a wall clock that
 * is set meanwhile is seen before or after. */
struct vdso_data {
	u64 ns_per_tick;	/* times 2^32 */
	u64 realtime_offset;	/* (a) */
};

constexpr size_t VDSO_DATA = PAGE_SIZE - sizeof(struct vdso_data);
static_assert(VDSO_DATA == 4080);	/* asm.h */

static struct vdso_data *vdso;		/* (a) in the copy that programs see; nullptr until then */
static u64 realtime_offset;		/* (a) */

void arch_vdso_attach(void *page)
{
	struct vdso_data *data = (struct vdso_data *)((char *)page + VDSO_DATA);

	data->ns_per_tick = ns_mult;
	store_relaxed(&data->realtime_offset, load_relaxed(&realtime_offset));
	store_release(&vdso, data);
}

void arch_vdso_realtime(u64 offset)
{
	struct vdso_data *data = load_acquire(&vdso);

	store_relaxed(&realtime_offset, offset);
	if (data)
		store_relaxed(&data->realtime_offset, offset);
}

/* ------------------------------------------------------------------ CMOS clock (MC146818) */

static u8 cmos(u8 reg)
{
	outb(0x70, 0x80 | reg);
	return inb(0x71);
}

static u64 days_from_civil(u64 y, u64 m, u64 d)
{
	y -= m <= 2;
	u64 doy = (153 * (m + (m > 2 ? -3ul : 9)) + 2) / 5 + d - 1;

	return y / 400 * 146097 + y % 400 * 365 + y % 400 / 4 - y % 400 / 100 + doy - 719468;
}

struct cmos_time {
	u8 s, m, h, day, month, year;
};

static struct cmos_time cmos_time(void)
{
	while (cmos(0x0a) & 0x80)	/* update in progress: 2 ms at most */
		cpu_relax();
	return (struct cmos_time){ cmos(0), cmos(2), cmos(4), cmos(7), cmos(8), cmos(9) };
}

static u64 bcd(u8 v, bool binary) { return binary ? v : (v >> 4) * 10u + (v & 15); }

/* A PC's bus answers with ones for what is not there. */
bool arch_device_read32(const volatile void *reg, u32 *value)
{
	*value = *(const volatile u32 *)reg;
	return true;
}

u64 arch_rtc_seconds(void)
{
	struct cmos_time t = cmos_time(), again = cmos_time();

	if (t.s != again.s)
		t = again;	/* an update fell into the first reading */
	u8 status = cmos(0x0b);
	bool binary = status & 4, pm = !(status & 2) && (t.h & 0x80);
	u64 hour = bcd(t.h & 0x7f, binary);

	if (!(status & 2))
		hour = hour % 12 + (pm ? 12 : 0);
	u64 days = days_from_civil(2000 + bcd(t.year, binary), bcd(t.month, binary),
				   bcd(t.day, binary));

	return days * 86400 + hour * 3600 + bcd(t.m, binary) * 60 + bcd(t.s, binary);
}
