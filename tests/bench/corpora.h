/* Streams for terminal benchmarks, the same at each run: ascii (lines of words),
 * sgr (words in ever new colours), unicode (CJK, marks, emoji, box drawing),
 * redraws (a full alternate screen again and again), and three kinds of whole
 * lines for the scrollback. For a screen of 50 rows and 200 columns. */
#ifndef BENCH_CORPORA_H
#define BENCH_CORPORA_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "core/buf.h"

#define CORPUS_ROWS 50
#define CORPUS_COLS 200

struct corpus_random {
	uint64_t state;
};

/* xorshift64*, from lo to hi */
static inline unsigned pick(struct corpus_random *r, unsigned lo, unsigned hi)
{
	r->state ^= r->state >> 12;
	r->state ^= r->state << 25;
	r->state ^= r->state >> 27;
	return lo + (unsigned)((r->state * 2685821657736338717u) >> 33) % (hi - lo + 1);
}

static inline unsigned corpus_word(struct corpus_random *r, struct buf *b, unsigned max)
{
	unsigned n = pick(r, 2, 11);

	if (n > max)
		n = max;
	for (unsigned i = 0; i < n; i++)
		buf_addc(b, (char)pick(r, 'a', 'z'));
	return n;
}

static inline void corpus_cp(struct buf *b, unsigned cp)
{
	if (cp < 0x800)
		buf_addf(b, "%c%c", 0xc0 | cp >> 6, 0x80 | (cp & 0x3f));
	else
		buf_addf(b, "%c%c%c", 0xe0 | cp >> 12, 0x80 | (cp >> 6 & 0x3f), 0x80 | (cp & 0x3f));
}

static inline void corpus_sgr(struct corpus_random *r, struct buf *b)
{
	switch (pick(r, 0, 5)) {
	case 0:
		buf_adds(b, "\033[0m");
		break;
	case 1:
		buf_addf(b, "\033[%um", pick(r, 30, 37));
		break;
	case 2:
		buf_addf(b, "\033[1;%u;%um", pick(r, 30, 37), pick(r, 40, 47));
		break;
	case 3:
		buf_addf(b, "\033[38;5;%um", pick(r, 0, 255));
		break;
	case 4:
		buf_addf(b, "\033[38;2;%u;%u;%um", pick(r, 0, 255), pick(r, 0, 255),
		         pick(r, 0, 255));
		break;
	default:
		buf_addf(b, "\033[48;2;%u;%u;%um\033[4m", pick(r, 0, 255), pick(r, 0, 255),
		         pick(r, 0, 255));
		break;
	}
}

static inline void corpus_ascii(struct corpus_random *r, struct buf *b)
{
	unsigned left = pick(r, 20, 160);

	while (left > 1) {
		left -= corpus_word(r, b, left - 1) + 1;
		buf_addc(b, ' ');
	}
	buf_adds(b, "\r\n");
}

static inline void corpus_colours(struct corpus_random *r, struct buf *b)
{
	for (unsigned n = pick(r, 4, 16); n > 0; n--) {
		corpus_sgr(r, b);
		corpus_word(r, b, 11);
		buf_addc(b, ' ');
	}
	buf_adds(b, "\033[0m\r\n");
}

static inline void corpus_unicode_word(struct corpus_random *r, struct buf *b)
{
	static const char *const emoji[] = {
		"\xf0\x9f\x98\x80",
		"\xf0\x9f\x9a\x80",
		"\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb",
		"\xf0\x9f\x87\xab\xf0\x9f\x87\xb7",
		"\xf0\x9f\x91\x8d\xf0\x9f\x8f\xbd",
		"\xe2\x9d\xa4\xef\xb8\x8f",
	};
	unsigned kind = pick(r, 0, 9);

	if (kind < 4) {
		for (unsigned n = pick(r, 2, 8); n > 0; n--)
			corpus_cp(b, pick(r, 0x4e00, 0x9fa5));
	} else if (kind < 5) {
		for (unsigned n = pick(r, 2, 8); n > 0; n--)
			corpus_cp(b, pick(r, 0x3041, 0x3096));
	} else if (kind < 6) {
		for (unsigned n = pick(r, 2, 5); n > 0; n--)
			corpus_cp(b, pick(r, 0xac00, 0xd7a3));
	} else if (kind < 7) {
		for (unsigned n = 4; n > 0; n--) {
			buf_addc(b, "eaoiun"[pick(r, 0, 5)]);
			corpus_cp(b, pick(r, 0, 1) ? 0x301 : 0x308);
		}
	} else if (kind < 8) {
		for (unsigned n = 8; n > 0; n--)
			corpus_cp(b, pick(r, 0x2500, 0x257f));
	} else if (kind < 9) {
		buf_adds(b, emoji[pick(r, 0, 5)]);
	} else {
		corpus_word(r, b, 11);
		buf_adds(b, "\xc3\xa9\xc3\x9f");
	}
}

static inline void corpus_unicode(struct corpus_random *r, struct buf *b)
{
	for (unsigned n = pick(r, 4, 14); n > 0; n--) {
		corpus_unicode_word(r, b);
		buf_addc(b, ' ');
	}
	buf_adds(b, "\r\n");
}

static inline void corpus_redraw(struct corpus_random *r, struct buf *b)
{
	buf_adds(b, "\033[?1049h\033[?25l\033[H");
	for (int y = 1; y <= CORPUS_ROWS; y++) {
		unsigned left = CORPUS_COLS - 1;

		buf_addf(b, "\033[%d;1H", y);
		while (left > 1) {
			corpus_sgr(r, b);
			left -= corpus_word(r, b, left - 1) + 1;
			buf_addc(b, ' ');
		}
		buf_adds(b, "\033[0m\033[K");
	}
	buf_adds(b, "\033[?25h");
}

/* Lines as wide as the screen, for the scrollback. */
static inline void corpus_full_ascii(struct corpus_random *r, struct buf *b)
{
	for (int i = 0; i < CORPUS_COLS; i++)
		buf_addc(b, (char)pick(r, 'a', 'z'));
	buf_adds(b, "\r\n");
}

static inline void corpus_full_colour(struct corpus_random *r, struct buf *b)
{
	for (int i = 0; i < CORPUS_COLS / 8; i++) {
		buf_addf(b, "\033[38;2;%u;%u;%um", pick(r, 0, 255), pick(r, 0, 255),
		         pick(r, 0, 255));
		for (int k = 0; k < 8; k++)
			buf_addc(b, (char)pick(r, 'a', 'z'));
	}
	buf_adds(b, "\033[0m\r\n");
}

static inline void corpus_full_cjk(struct corpus_random *r, struct buf *b)
{
	for (int i = 0; i < CORPUS_COLS / 2; i++)
		corpus_cp(b, pick(r, 0x4e00, 0x9fa5));
	buf_adds(b, "\r\n");
}

struct corpus {
	const char *name;
	void (*make)(struct corpus_random *r, struct buf *b);	/* adds a line or a frame */
};

/* How many times a stream must take less of a processor than in tmux. */
static inline double corpus_bar(const char *name)
{
	static const struct {
		const char *name;
		double bar;
	} bars[] = { { "ascii", 2 }, { "sgr", 4 }, { "unicode", 6 }, { "claude", 4 } };

	for (size_t i = 0; i < sizeof bars / sizeof *bars; i++)
		if (strcmp(bars[i].name, name) == 0)
			return bars[i].bar;
	return 3;
}

/* Fill b to about size bytes; false when it does not fit. */
static inline bool corpus_fill(const struct corpus *c, struct buf *b, size_t size)
{
	struct corpus_random r = { 88172645463325252u };

	while (b->len < size && !b->overflowed)
		c->make(&r, b);
	return !b->overflowed;
}

/* A recording again and again until there are size bytes; each time from a reset, as
 * it ends anywhere. False when it cannot be read. */
static inline bool corpus_load(struct buf *b, const char *path, size_t size)
{
	FILE *f = fopen(path, "rb");
	struct buf one = BUF_INIT((size_t)64 << 20);
	char data[65536];
	size_t n;

	if (!f)
		return false;
	while ((n = fread(data, 1, sizeof data, f)) > 0)
		buf_add(&one, data, n);
	fclose(f);
	while (one.len > 0 && b->len < size) {
		buf_add(b, one.data, one.len);
		buf_adds(b, "\033[0m\033[?1049l\033[r");
	}
	buf_done(&one);
	return b->len > 0;
}

#endif
