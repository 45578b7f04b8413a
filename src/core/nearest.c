#include "core/nearest.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

#define NEAREST_MAX 40

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;

	return m < c ? m : c;
}

/* Edits between the two, a swap of neighbours being one; case does not matter. */
static size_t distance(const char *a, const char *b)
{
	size_t rows[3][NEAREST_MAX + 1];
	size_t n = strlen(a), m = strlen(b);
	size_t *two = rows[0], *one = rows[1], *now = rows[2];

	for (size_t j = 0; j <= m; j++)
		one[j] = j;
	for (size_t i = 1; i <= n; i++) {
		size_t *spare = two;

		now[0] = i;
		for (size_t j = 1; j <= m; j++) {
			int x = tolower((unsigned char)a[i - 1]),
			    y = tolower((unsigned char)b[j - 1]);

			now[j] = min3(one[j] + 1, now[j - 1] + 1, one[j - 1] + (x != y));
			if (i > 1 && j > 1 && x == tolower((unsigned char)b[j - 2]) &&
			    y == tolower((unsigned char)a[i - 2]) && two[j - 2] + 1 < now[j])
				now[j] = two[j - 2] + 1;
		}
		two = one;
		one = now;
		now = spare;
	}
	return one[m];
}

const char *nearest(const char *text, const char *const *words)
{
	size_t len = strlen(text), best = len / 3 + 1;
	const char *found = NULL;

	if (len == 0 || len > NEAREST_MAX)
		return NULL;
	for (; *words; words++) {
		size_t d;

		if (strlen(*words) > NEAREST_MAX)
			continue;
		d = distance(text, *words);
		if (d < best || (d == best && !found && d < len)) {
			best = d;
			found = *words;
		}
	}
	return found;
}
