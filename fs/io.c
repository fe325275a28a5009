// SPDX-License-Identifier: MIT
/* Byte streams between files and callers: see fs/io.h. */
#include "fs/io.h"
#include "lib/string.h"
#include "mm/user.h"

static void advance(struct io *io, size_t n)
{
	io->at += n;
	io->piece -= n;
	io->left -= n;
}

/* Makes the current piece non-empty, if anything is left. */
static bool next_piece(struct io *io)
{
	while (!io->piece && io->left) {
		io->at = io->next->base;
		io->piece = min(io->next->len, io->left);
		io->next++;
	}
	return io->left != 0;
}

/* One piece's worth: bytes moved. That it lies in user memory was checked when the io was made. */
static size_t put_piece(struct io *io, const void *src, size_t n)
{
	if (!io->kernel)
		return n - arch_copy_to_user(io->at, src, n);
	memcpy((void *)io->at, src, n);
	return n;
}

static size_t take_piece(struct io *io, void *dst, size_t n)
{
	if (!io->kernel)
		return n - arch_copy_from_user(dst, io->at, n);
	memcpy(dst, (const void *)io->at, n);
	return n;
}

/* Bytes that lie in one piece, the usual case, take the short way. */
[[gnu::noinline]] static size_t put_pieces(struct io *io, const void *src, size_t n)
{
	size_t done = 0;

	while (done < n && next_piece(io)) {
		size_t want = min(n - done, io->piece);
		size_t got = put_piece(io, (const char *)src + done, want);

		advance(io, got);
		done += got;
		if (got < want)
			break;
	}
	return done;
}

size_t io_put(struct io *io, const void *src, size_t n)
{
	if (unlikely(n > io->piece))
		return put_pieces(io, src, min(n, io->left));
	size_t got = put_piece(io, src, n);

	advance(io, got);
	return got;
}

[[gnu::noinline]] static size_t take_pieces(struct io *io, void *dst, size_t n)
{
	size_t done = 0;

	while (done < n && next_piece(io)) {
		size_t want = min(n - done, io->piece);
		size_t got = take_piece(io, (char *)dst + done, want);

		advance(io, got);
		done += got;
		if (got < want)
			break;
	}
	return done;
}

size_t io_take(struct io *io, void *dst, size_t n)
{
	if (unlikely(n > io->piece))
		return take_pieces(io, dst, min(n, io->left));
	size_t got = take_piece(io, dst, n);

	advance(io, got);
	return got;
}

static const u8 zeros[PAGE_SIZE];

[[gnu::noinline]] static size_t zero_pages(struct io *io, size_t n)
{
	size_t done = 0;

	n = min(n, io->left);
	while (done < n) {
		size_t want = min(n - done, sizeof(zeros));
		size_t got = io_put(io, zeros, want);

		done += got;
		if (got < want)
			break;
	}
	return done;
}

size_t io_zero(struct io *io, size_t n)
{
	return likely(n <= sizeof(zeros)) ? io_put(io, zeros, n) : zero_pages(io, n);
}

void io_skip(struct io *io, size_t n)
{
	n = min(n, io->left);
	while (n && next_piece(io)) {
		size_t step = min(n, io->piece);

		advance(io, step);
		n -= step;
	}
}
