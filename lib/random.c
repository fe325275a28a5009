// SPDX-License-Identifier: MIT
/*
 * A generator with fast key erasure (Bernstein 2017): each request takes one ChaCha20 block under
 * the lock; its first half becomes the pool's next key, the other half the key of the request's
 * own stream. So what was given out cannot be recomputed from a later pool, and long requests run
 * unlocked.
 *
 * What is added is absorbed into the key by xor and one block. No entropy is estimated: the pool
 * starts from the machine's generator or the firmware's seed where there is one, and from the
 * clock.
 */
#include "lib/random.h"
#include "lib/lock.h"
#include "lib/string.h"
#include "arch/arch.h"

constexpr unsigned KEY_WORDS = 8;

static struct spinlock pool_lock;	/* with interrupts off */
static u32 pool[KEY_WORDS];		/* under it */
static bool seeded;			/* under it */
alignas(u32) static u8 spare[32 + 64];	/* under it: of the last two blocks; erased as it is given out */
static unsigned spare_left;		/* under it */

static u32 rotl(u32 v, int n) { return v << n | v >> (32 - n); }

static void quarter_round(u32 *a, u32 *b, u32 *c, u32 *d)
{
	*a += *b; *d = rotl(*d ^ *a, 16);
	*c += *d; *b = rotl(*b ^ *c, 12);
	*a += *b; *d = rotl(*d ^ *a, 8);
	*c += *d; *b = rotl(*b ^ *c, 7);
}

void chacha20_block(const u32 state[16], u8 out[64])
{
	u32 x[16];

	memcpy(x, state, sizeof(x));
	for (int i = 0; i < 10; i++) {
		for (int j = 0; j < 4; j++)
			quarter_round(&x[j], &x[4 + j], &x[8 + j], &x[12 + j]);
		for (int j = 0; j < 4; j++)
			quarter_round(&x[j], &x[4 + (j + 1) % 4], &x[8 + (j + 2) % 4],
				      &x[12 + (j + 3) % 4]);
	}
	for (int i = 0; i < 16; i++)
		x[i] += state[i];
	memcpy(out, x, sizeof(x));
}

/* RFC 8439, 2.3: constants, key, block counter, nonce. */
static void block(const u32 key[KEY_WORDS], u32 counter, u8 out[64])
{
	u32 state[16] = { 0x61707865, 0x3320646e, 0x79622d32, 0x6b206574 };

	memcpy(state + 4, key, KEY_WORDS * sizeof(u32));
	state[12] = counter;
	chacha20_block(state, out);
}

/* Under the lock: the first half of a block is the next key, the other half is for the caller. */
static void step(u32 out[KEY_WORDS])
{
	u8 stream[64];

	block(pool, 0, stream);
	memcpy(pool, stream, sizeof(pool));
	memcpy(out, stream + 32, sizeof(pool));
}

static void absorb(const void *buf, size_t n)
{
	const u8 *from = buf;
	u32 discarded[KEY_WORDS];

	while (n) {
		u32 part[KEY_WORDS] = {};
		size_t m = min(n, sizeof(part));

		memcpy(part, from, m);
		for (unsigned i = 0; i < KEY_WORDS; i++)
			pool[i] ^= part[i];
		step(discarded);
		from += m;
		n -= m;
	}
}

static void seed(void)
{
	struct {
		u8 machine[48];
		u64 clock, rtc;
	} s = { .clock = arch_clock_ns(), .rtc = arch_rtc_seconds() };

	arch_random(s.machine, sizeof(s.machine));
	absorb(&s, sizeof(s));
	seeded = true;
}

/* Under the lock: a few bytes (ASLR, AT_RANDOM), so that several requests share a block. */
static void take_spare(u8 *to, size_t n)
{
	if (spare_left < n) {
		pool[0] ^= (u32)arch_clock_ns();
		block(pool, 1, spare + 32);
		step((u32 *)spare);
		spare_left = sizeof(spare);
	}
	spare_left -= n;
	memcpy(to, spare + spare_left, n);
	memset(spare + spare_left, 0, n);
}

void random_bytes(void *buf, size_t n)
{
	u32 key[KEY_WORDS];
	u8 *to = buf, stream[64];
	u64 flags = spin_lock_irq(&pool_lock);

	if (!seeded)
		seed();
	if (n <= sizeof(spare)) {
		take_spare(to, n);
		spin_unlock_irq(&pool_lock, flags);
		return;
	}
	pool[0] ^= (u32)arch_clock_ns();
	step(key);
	spin_unlock_irq(&pool_lock, flags);
	for (u32 counter = 0; n; counter++) {
		size_t m = min(n, sizeof(stream));

		block(key, counter, stream);
		memcpy(to, stream, m);
		to += m;
		n -= m;
	}
}

void random_add(const void *buf, size_t n)
{
	u64 flags = spin_lock_irq(&pool_lock);

	if (!seeded)
		seed();
	absorb(buf, n);
	spare_left = 0;
	spin_unlock_irq(&pool_lock, flags);
}

u64 random_below(u64 limit)
{
	u64 r;

	assert(limit);
	do {		/* the last, incomplete run of `limit` numbers favours small ones */
		random_bytes(&r, sizeof(r));
	} while (r - r % limit > -limit);
	return r % limit;
}
