#include "envlist.h"

#include <string.h>

int envlist_header(size_t *out, const char *line)
{
	static const char magic[] = "CBENV1 ";
	const char *s = line;
	size_t n = 0;

	if (strncmp(s, magic, sizeof magic - 1) != 0)
		return -1;
	s += sizeof magic - 1;
	if (*s == '\0' || (*s == '0' && s[1] != '\0'))
		return -1;
	for (; *s != '\0'; s++) {
		if (*s < '0' || *s > '9')
			return -1;
		n = n * 10 + (size_t)(*s - '0');
		if (n > ENVLIST_MAX)
			return -1;
	}
	*out = n;
	return 0;
}

static bool is_name(const char *s, size_t len)
{
	static const char first[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
	static const char rest[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";

	/* both span functions stop at the "=" that the caller found */
	return len > 0 && strspn(s, first) > 0 && strspn(s, rest) == len;
}

bool envlist_is_sound(const char *list, size_t len)
{
	size_t at = 0;

	while (at < len) {
		const char *s = list + at;
		const char *end = memchr(s, '\0', len - at);
		const char *eq = end == NULL ? NULL : memchr(s, '=', (size_t)(end - s));

		if (eq == NULL || !is_name(s, (size_t)(eq - s)))
			return false;
		at += (size_t)(end - s) + 1;
	}
	return true;
}

char *envlist_next(char *list, size_t len, size_t *at)
{
	char *s = list + *at;

	if (*at >= len)
		return NULL;
	*at += strlen(s) + 1;
	return s;
}
