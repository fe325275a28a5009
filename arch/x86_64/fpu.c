// SPDX-License-Identifier: MIT
/*
 * SIMD state: x87, SSE and, where there is XSAVE, AVX; nothing beyond, so that an image has a
 * fixed size. The kernel does not use these registers: they change at a switch to another user
 * thread, not before. Signal frames carry the image in Linux's form (SDM 1, 13.4 and 10.5.1).
 */
#include "lib/string.h"
#include "mm/user.h"
#include "x86.h"

constexpr u64 XFEATURE_X87 = 1, XFEATURE_SSE = 2, XFEATURE_AVX = 4;
constexpr size_t FXSAVE_SIZE = 512, XSAVE_HEADER = 64;
constexpr size_t SW_OFFSET = 464;		/* what hardware leaves to software */
constexpr u32 XSTATE_MAGIC1 = 0x46505853, XSTATE_MAGIC2 = 0x46505845;
constexpr u32 MXCSR_DEFAULT = 0x1f80;

struct fx_image {
	u16 fcw, fsw;
	u8 pad[20];
	u32 mxcsr, mxcsr_mask;
	u8 registers[384];
	u8 reserved[48];
	struct {		/* Linux: struct _fpx_sw_bytes */
		u32 magic1, extended_size;
		u64 features;
		u32 size, pad[7];
	} sw;
	u64 xstate_bv, xcomp_bv, header_reserved[6];	/* XSAVE only, from here on */
};
static_assert(offsetof(struct fx_image, sw) == SW_OFFSET);
static_assert(offsetof(struct fx_image, xstate_bv) == FXSAVE_SIZE);

static u64 features;		/* XCR0; 0: FXSAVE */
static size_t image_size;
static u32 mxcsr_mask;

/* In a signal frame, from SW_OFFSET on: what software says, and the header before XSAVE has written it. */
static struct {
	typeof_unqual(((struct fx_image *)nullptr)->sw) sw;
	u64 header[XSAVE_HEADER / sizeof(u64)];
} frame_words;
static_assert(sizeof(frame_words) == FXSAVE_SIZE + XSAVE_HEADER - SW_OFFSET);

/* copy.S: XSAVE and XRSTOR on user memory, aligned and below USER_END. */
int fpu_user_save(va_t where, u64 features, size_t image_size);
int fpu_user_load(va_t where, u64 features);

static struct fx_image *image(struct arch_thread *a) { return (struct fx_image *)a->fpu; }

static void save_all(void *to)
{
	if (features)
		__asm__ volatile("xsave64 (%0)" :: "r"(to), "a"((u32)features), "d"(0) : "memory");
	else
		__asm__ volatile("fxsave64 (%0)" :: "r"(to) : "memory");
}

static void load_all(const void *from)
{
	if (features)
		__asm__ volatile("xrstor64 (%0)" ::"r"(from), "a"((u32)features), "d"(0)
				 : "memory");
	else
		__asm__ volatile("fxrstor64 (%0)" :: "r"(from) : "memory");
}

void fpu_init_cpu(void)
{
	if (!x86_features.xsave)
		return;
	u64 xcr0 = XFEATURE_X87 | XFEATURE_SSE | (x86_features.avx ? XFEATURE_AVX : 0);

	__asm__ volatile("xsetbv" :: "c"(0), "a"((u32)xcr0), "d"(0));
	features = xcr0;
}

void fpu_init(void)
{
	alignas(64) static struct {
		struct fx_image fx;
		u8 rest[FPU_AREA_MAX - sizeof(struct fx_image)];
	} probe;

	image_size = features ? cpuid(0xd, 0).b : FXSAVE_SIZE;
	assert(image_size <= FPU_AREA_MAX);
	__asm__ volatile("fxsave64 %0" : "=m"(probe));
	mxcsr_mask = probe.fx.mxcsr_mask ? probe.fx.mxcsr_mask : 0xffbf;
	arch_abi.min_sigstack = fpu_frame_size() + 1024;	/* frame, red zone, alignment */
	if (!features)
		return;
	frame_words.sw.magic1 = XSTATE_MAGIC1;
	frame_words.sw.extended_size = (u32)fpu_frame_size();
	frame_words.sw.features = features;
	frame_words.sw.size = (u32)image_size;
}

void fpu_reset(struct arch_thread *a)
{
	memset(a->fpu, 0, sizeof(a->fpu));	/* all: debuggers see what is not loaded, too */
	image(a)->fcw = 0x37f;
	image(a)->mxcsr = MXCSR_DEFAULT;
	a->fpu_cpu = ~0u;
}

/* A copy of the registers for a new thread. What XSAVE does not write is cleared: signal frames
 * show all. */
void fpu_clone(struct arch_thread *to)
{
	memset(to->fpu + SW_OFFSET - 48, 0, FXSAVE_SIZE + XSAVE_HEADER - (SW_OFFSET - 48));
	save_all(to->fpu);
	to->fpu_cpu = ~0u;
}

void fpu_save(struct arch_thread *a)
{
	if (x86_features.xsaveopt)
		__asm__ volatile("xsaveopt64 (%0)" ::"r"(a->fpu), "a"((u32)features), "d"(0)
				 : "memory");
	else
		save_all(a->fpu);
}

/* The image is up to date; so are the registers if no other has been loaded here, nor this one
 * elsewhere, since. */
void fpu_load(struct arch_thread *a)
{
	struct x86_cpu *c = this_cpu();
	u32 cpu = (u32)(c - x86_cpus);

	if (c->fpu_owner == a && a->fpu_cpu == cpu)
		return;
	load_all(a->fpu);
	c->fpu_owner = a;
	a->fpu_cpu = cpu;
}

size_t fpu_frame_size(void)
{
	return image_size + (features ? sizeof(u32) : 0);
}

static u32 *magic2(struct arch_thread *a) { return (u32 *)(a->fpu + image_size); }

/* By XSAVE right into the frame. */
int fpu_frame_push(struct arch_thread *a, va_t where)
{
	if (likely(features))
		return copy_to_user(where + SW_OFFSET, &frame_words, sizeof(frame_words)) ?:
		       user_range_ok(where, fpu_frame_size()) ? fpu_user_save(where, features, image_size) : -EFAULT;
	save_all(a->fpu);
	image(a)->sw = (typeof(image(a)->sw)){};
	return copy_to_user(where, a->fpu, FXSAVE_SIZE);
}

/* Does the frame hold more than the legacy part? Programs may make frames by hand. */
static bool frame_is_extended(struct arch_thread *a)
{
	const struct fx_image *fx = image(a);

	return fx->sw.magic1 == XSTATE_MAGIC1 && fx->sw.size == image_size &&
	       fx->sw.extended_size == fpu_frame_size() && *magic2(a) == XSTATE_MAGIC2;
}

static bool frame_read(struct arch_thread *a, va_t where, bool *extended)
{
	*extended = features && copy_from_user(a->fpu, where, fpu_frame_size()) == 0 &&
		    frame_is_extended(a);
	return *extended || copy_from_user(a->fpu, where, FXSAVE_SIZE) == 0;
}

/* A frame as we wrote it, or as valid, is loaded from where it is. False: it must be looked at. */
static bool frame_load(va_t where)
{
	u64 first;
	u32 last;

	return features && is_aligned(where, 64) && user_range_ok(where, fpu_frame_size()) &&
	       !arch_user_load64(where + SW_OFFSET, &first) && !arch_user_load32(where + image_size, &last) &&
	       first == (XSTATE_MAGIC1 | fpu_frame_size() << 32) && last == XSTATE_MAGIC2 &&
	       !fpu_user_load(where, features);
}

/* XRSTOR faults on reserved bits: they are cleared. */
static void sanitise(struct fx_image *fx, bool extended)
{
	fx->mxcsr &= mxcsr_mask;
	fx->xstate_bv = extended ? fx->xstate_bv & features : XFEATURE_X87 | XFEATURE_SSE;
	fx->xcomp_bv = 0;
	memset(fx->header_reserved, 0, sizeof(fx->header_reserved));
}

/* No frame (0) resets, as does one that cannot be read. Meanwhile this thread may be switched out:
 * then its registers, which are of no use any more, must not be saved over the image. */
[[gnu::noinline]] static int frame_pop_slow(struct arch_thread *a, va_t where)
{
	bool extended = false;

	store_relaxed(&a->fpu_replaced, true);
	bool ok = where && frame_read(a, where, &extended);

	if (ok)
		sanitise(image(a), extended);
	else
		fpu_reset(a);
	preempt_disable();
	store_relaxed(&a->fpu_replaced, false);
	a->fpu_cpu = ~0u;
	fpu_load(a);
	preempt_enable();
	return ok || !where ? 0 : -EFAULT;
}

int fpu_frame_pop(struct arch_thread *a, va_t where)
{
	return likely(where && frame_load(where)) ? 0 : frame_pop_slow(a, where);
}

void fpu_park(struct arch_thread *a)
{
	memset(a->fpu + SW_OFFSET - 48, 0, FXSAVE_SIZE + XSAVE_HEADER - (SW_OFFSET - 48));
	save_all(a->fpu);
}

void fpu_unpark(struct arch_thread *a)
{
	a->fpu_cpu = ~0u;
	fpu_load(a);
}

/* Where software may write, debuggers look for the features in use. */
size_t fpu_regset_get(struct arch_thread *a, bool legacy, void *buf)
{
	size_t n = legacy ? FXSAVE_SIZE : image_size;

	memcpy(buf, a->fpu, n);
	memset((u8 *)buf + SW_OFFSET, 0, FXSAVE_SIZE - SW_OFFSET);
	if (!legacy)
		memcpy((u8 *)buf + SW_OFFSET, &features, sizeof(features));
	return n;
}

int fpu_regset_set(struct arch_thread *a, bool legacy, const void *buf)
{
	struct fx_image *fx = image(a);

	if (((const struct fx_image *)buf)->mxcsr & ~mxcsr_mask)
		return -EINVAL;
	if (legacy) {
		memcpy(a->fpu, buf, FXSAVE_SIZE);
		fx->xstate_bv |= XFEATURE_X87 | XFEATURE_SSE;
	} else {
		memcpy(a->fpu, buf, image_size);
	}
	sanitise(fx, !legacy || features);
	return 0;
}
