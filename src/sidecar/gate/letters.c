#include "letters.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static bool is_letter(char c)
{
	return isalpha((unsigned char)c);
}

/* As gitleaks sees a run. */
static bool is_of_run(char c)
{
	return isalnum((unsigned char)c) || c == '+' || c == '/' || c == '-' || c == '_';
}

static uint32_t value_of(char c)
{
	return c >= 'a' ? (uint32_t)(c - 'a') + 26 : (uint32_t)(c - 'A');
}

/* 0 when it is no plain text. */
static size_t decode(const char *p, size_t len, char *out)
{
	uint32_t bits = 0;
	unsigned n_bits = 0;
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		unsigned char c;

		bits = bits << 6 | value_of(p[i]);
		n_bits += 6;
		if (n_bits < 8)
			continue;
		n_bits -= 8;
		c = (unsigned char)(bits >> n_bits & 0xff);
		if (c >= 0x7f || (c < ' ' && !strchr("\t\r\n", c)) || c == '\0')
			return 0;
		out[n++] = c < ' ' ? ' ' : (char)c;
	}
	return n;
}

/* The end of the run that begins at p. */
static size_t run_of(const char *p, size_t len, bool *is_letters)
{
	size_t n = 0;

	*is_letters = true;
	for (; n < len && is_of_run(p[n]); n++)
		*is_letters = *is_letters && is_letter(p[n]);
	return n;
}

size_t letters_decode(const char *p, size_t len, char *out)
{
	size_t n = 0;

	for (size_t i = 0, run; i < len; i += run + 1) {
		bool is_letters;
		size_t got;

		run = run_of(p + i, len - i, &is_letters);
		if (!is_letters || run < LETTERS_MIN)
			continue;
		got = decode(p + i, run, out + n);
		if (got > 0) {
			n += got;
			out[n++] = ' ';
		}
	}
	return n;
}
