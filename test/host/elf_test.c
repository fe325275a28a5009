// SPDX-License-Identifier: MIT
// uses: proc/elf.c test/host/support.c
/*
 * Decoding of ELF headers and `#!` lines: what is taken, what is refused, and that no bytes whatever lead to numbers that exec
 * could not trust.
 */
#include "host.h"

#include "lib/string.h"
#include "proc/elf.h"
#include "test/host/elf_promises.h"

constexpr u64 USER_TOP = 1ul << 47;
constexpr u16 MACHINE = 183;

struct load {
	u64 vaddr, offset, filesz, memsz;
	u32 flags;
};

/* A file in memory: header, then program headers. */
struct image {
	u8 bytes[64 + 16 * 56];
	unsigned n;
};

static void put(u8 *at, u64 v, unsigned size)
{
	for (unsigned i = 0; i < size; i++)
		at[i] = (u8)(v >> 8 * i);
}

static void image_start(struct image *im, u16 type)
{
	static const u8 magic[] = { 0x7f, 'E', 'L', 'F', 2, 1, 1 };

	*im = (struct image){};
	memcpy(im->bytes, magic, sizeof(magic));
	put(im->bytes + 16, type, 2);
	put(im->bytes + 18, MACHINE, 2);
	put(im->bytes + 24, 0x401000, 8);	/* entry */
	put(im->bytes + 32, 64, 8);		/* phoff */
	put(im->bytes + 54, 56, 2);		/* phentsize */
}

static void image_add(struct image *im, u32 type, const struct load *l)
{
	u8 *p = im->bytes + 64 + im->n * 56;

	put(p, type, 4);
	put(p + 4, l->flags, 4);
	put(p + 8, l->offset, 8);
	put(p + 16, l->vaddr, 8);
	put(p + 32, l->filesz, 8);
	put(p + 40, l->memsz, 8);
	put(p + 48, 4096, 8);
	put(im->bytes + 56, ++im->n, 2);
}

static int decode(const struct image *im, struct elf_header *h, struct elf_image *out)
{
	int err = elf_decode_header(im->bytes, sizeof(im->bytes), MACHINE, h);

	return err ?: elf_decode_image(h, im->bytes + h->phoff, USER_TOP, out);
}

/* One PT_LOAD alone. */
static int decode_one(struct load l)
{
	struct image im;
	struct elf_header h;
	struct elf_image out;

	image_start(&im, 2);
	image_add(&im, 1, &l);
	return decode(&im, &h, &out);
}

static void usual_program(void **state)
{
	struct image im;
	struct elf_header h;
	struct elf_image out;
	struct elf_segment s;

	image_start(&im, 2);
	image_add(&im, 0x12345678, &(struct load){ ~0ul, ~0ul, ~0ul, 1, 7 });	/* unknown: skipped */
	image_add(&im, 3, &(struct load){ 0x400200, 0x200, 28, 28, 4 });
	image_add(&im, 1, &(struct load){ 0x400000, 0, 0x1234, 0x1234, PF_R });
	image_add(&im, 1, &(struct load){ 0x402234, 0x1234, 0x100, 0x9000, PF_R | PF_W });
	image_add(&im, 0x6474e551, &(struct load){ .flags = PF_R | PF_W | PF_X });
	assert_int_equal(decode(&im, &h, &out), 0);
	assert_false(h.dynamic);
	assert_int_equal(h.entry, 0x401000);
	assert_int_equal(out.low, 0x400000);
	assert_int_equal(out.end, 0x40b234);
	assert_int_equal(out.high, 0x40c000);
	assert_int_equal(out.phdr, 0x400040);
	assert_true(out.exec_stack);
	assert_int_equal(out.interp_offset, 0x200);
	assert_int_equal(out.interp_size, 28);
	assert_false(elf_segment(im.bytes + h.phoff, 0, &s));
	assert_true(elf_segment(im.bytes + h.phoff, 3, &s));
	assert_int_equal(s.vaddr, 0x402234);
	assert_int_equal(s.memsz, 0x9000);
	assert_int_equal(s.flags, PF_R | PF_W);
}

static void refused_headers(void **state)
{
	struct image im;
	struct elf_header h;
	static const struct { unsigned at, value; } wrong[] = {
		{ 0, 'x' }, { 4, 1 }, { 5, 2 }, { 6, 0 },	/* magic, 32 bits, big-endian, version */
		{ 16, 1 }, { 16, 4 },				/* object file, core dump */
		{ 18, 62 },					/* another machine */
		{ 54, 32 },					/* size of a program header */
		{ 39, 0x80 },					/* phoff beyond what a file can have */
		{ 56, 0 },					/* no program headers */
	};

	for (unsigned i = 0; i < ARRAY_SIZE(wrong); i++) {
		image_start(&im, 3);
		image_add(&im, 1, &(struct load){ 0, 0, 1, 1, PF_R });
		assert_int_equal(elf_decode_header(im.bytes, sizeof(im.bytes), MACHINE, &h), 0);
		im.bytes[wrong[i].at] = (u8)wrong[i].value;
		assert_int_equal(elf_decode_header(im.bytes, sizeof(im.bytes), MACHINE, &h), -ENOEXEC);
	}
	image_start(&im, 3);
	for (unsigned n = 0; n < ELF_HEADER_SIZE; n++)
		assert_int_equal(elf_decode_header(im.bytes, n, MACHINE, &h), -ENOEXEC);
}

static void refused_segments(void **state)
{
	assert_int_equal(decode_one((struct load){ 0x1000, 0x1000, 1, 1, 0 }), 0);
	assert_int_equal(decode_one((struct load){ 0x1000, 0x1000, 2, 1, 0 }), -ENOEXEC);	/* file > memory */
	assert_int_equal(decode_one((struct load){ 0x1004, 0x1000, 1, 1, 0 }), -ENOEXEC);	/* not congruent */
	assert_int_equal(decode_one((struct load){ USER_TOP - 0x1000, 0, 0, 0x1000, 0 }), 0);
	assert_int_equal(decode_one((struct load){ USER_TOP - 0x1000, 0, 0, 0x1001, 0 }), -ENOEXEC);
	assert_int_equal(decode_one((struct load){ ~0xffful, 0, 0, 0x2000, 0 }), -ENOEXEC);	/* wraps */
	assert_int_equal(decode_one((struct load){ 0x1000, 0, 0, ~0ul, 0 }), -ENOEXEC);
	assert_int_equal(decode_one((struct load){ 0x1000, ~0xffful, 0x1000, 0x1000, 0 }), -ENOEXEC);
	assert_int_equal(decode_one((struct load){ 0x1000, 0, 0, 0, 0 }), -ENOEXEC);		/* nothing to load */
}

static int decode_two(struct load a, struct load b)
{
	struct image im;
	struct elf_header h;
	struct elf_image out;

	image_start(&im, 2);
	image_add(&im, 1, &a);
	image_add(&im, 1, &b);
	return decode(&im, &h, &out);
}

static void order_of_segments(void **state)
{
	struct load a = { 0x1000, 0, 0, 0x1800, 0 }, b = { 0x2800, 0x800, 0, 0x100, 0 };

	assert_int_equal(decode_two(a, b), 0);		/* share a page, no byte */
	assert_int_equal(decode_two(b, a), -ENOEXEC);	/* descending */
	b.vaddr--;
	b.offset--;
	assert_int_equal(decode_two(a, b), -ENOEXEC);	/* one byte in common */
}

static void refused_interpreters(void **state)
{
	static const struct { u64 offset, size; int result; } cases[] = {
		{ 0, 2, 0 }, { 0, 1, -ENOEXEC }, { 0, 4096, 0 }, { 0, 4097, -ENOEXEC }, { ~0ul, 10, -ENOEXEC },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct image im;
		struct elf_header h;
		struct elf_image out;

		image_start(&im, 3);
		image_add(&im, 1, &(struct load){ 0, 0, 1, 1, 0 });
		image_add(&im, 3, &(struct load){ 0, cases[i].offset, cases[i].size, 0, 0 });
		assert_int_equal(decode(&im, &h, &out), cases[i].result);
	}
}

static void mutated_programs(void **state)
{
	u64 seed = 88172645463325252;

	for (int round = 0; round < 200000; round++) {
		struct image im;

		image_start(&im, round & 1 ? 2 : 3);
		for (unsigned i = 0; i < 4; i++)
			image_add(&im, 1, &(struct load){ 0x10000 * (i + 1), 0, 0x2000, 0x3000, i });
		image_add(&im, 3, &(struct load){ 0, 0x100, 20, 20, 0 });
		for (int k = round % 7; k >= 0; k--) {
			seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
			im.bytes[seed % (64 + 5 * 56)] = (u8)(seed >> 32);
		}
		elf_check_promises(im.bytes, sizeof(im.bytes), MACHINE, USER_TOP);
	}
}

/* ---- #! */

static int script(const char *text, const char **name, const char **arg)
{
	static char buf[SCRIPT_LINE + 1];
	struct script s = {};
	size_t n = min(strlen(text), SCRIPT_LINE);

	memcpy(buf, text, n);
	int err = script_decode(buf, n, &s);

	*name = s.interpreter;
	*arg = s.argument;
	return err;
}

static void usual_scripts(void **state)
{
	const char *name, *arg;

	assert_int_equal(script("#!/bin/sh\nexit\n", &name, &arg), 0);
	assert_string_equal(name, "/bin/sh");
	assert_null(arg);
	assert_int_equal(script("#! \t/bin/sh  -x  -y \t\nexit\n", &name, &arg), 0);
	assert_string_equal(name, "/bin/sh");
	assert_string_equal(arg, "-x  -y");
	assert_int_equal(script("#!sh", &name, &arg), 0);
	assert_string_equal(name, "sh");
	assert_int_equal(script("", &name, &arg), -ENOEXEC);
	assert_int_equal(script("#", &name, &arg), -ENOEXEC);
	assert_int_equal(script("#!", &name, &arg), -ENOEXEC);
	assert_int_equal(script("#!  \t\n/bin/sh", &name, &arg), -ENOEXEC);
	assert_int_equal(script("# /bin/sh\n", &name, &arg), -ENOEXEC);
}

static void long_scripts(void **state)
{
	const char *name, *arg;
	char text[400];

	memset(text, 'a', sizeof(text));
	memcpy(text, "#!/", 3);
	text[399] = 0;
	assert_int_equal(script(text, &name, &arg), -ENOEXEC);	/* the name is cut off */
	text[100] = ' ';
	assert_int_equal(script(text, &name, &arg), 0);		/* the argument may be */
	assert_int_equal(strlen(name), 98);
	assert_int_equal(strlen(arg), SCRIPT_LINE - 101);
	text[255] = '\n';
	assert_int_equal(script(text, &name, &arg), 0);
	assert_int_equal(strlen(arg), 154);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(usual_program),
		cmocka_unit_test(refused_headers),
		cmocka_unit_test(refused_segments),
		cmocka_unit_test(order_of_segments),
		cmocka_unit_test(refused_interpreters),
		cmocka_unit_test(mutated_programs),
		cmocka_unit_test(usual_scripts),
		cmocka_unit_test(long_scripts),
	};

	return cmocka_run_group_tests(tests, nullptr, nullptr);
}
