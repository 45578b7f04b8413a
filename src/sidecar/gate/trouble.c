#include "trouble.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"
#include "util.h"

static const struct {
	enum trouble trouble;
	const char *words;
} signs[] = {
	{ TROUBLE_HOSTKEY, "REMOTE HOST IDENTIFICATION HAS CHANGED" },
	{ TROUBLE_HOSTKEY, "Host key verification failed" },
	{ TROUBLE_HOSTKEY, "host key is known for" },
	{ TROUBLE_HOSTKEY, "REVOKED HOST KEY" },
	{ TROUBLE_DENIED, "Permission denied (" },
	{ TROUBLE_DENIED, "Too many authentication failures" },
	{ TROUBLE_UNREACHABLE, "Connection refused" },
	{ TROUBLE_UNREACHABLE, "timed out" },
	{ TROUBLE_UNREACHABLE, "No route to host" },
	{ TROUBLE_UNREACHABLE, "Network is unreachable" },
	{ TROUBLE_UNREACHABLE, "Could not resolve hostname" },
	{ TROUBLE_UNREACHABLE, "Connection reset by" },
	{ TROUBLE_UNREACHABLE, "Connection closed by" },
	{ TROUBLE_UNREACHABLE, "kex_exchange_identification" },
	{ TROUBLE_UNREACHABLE, "not responding" },
	{ TROUBLE_NO_REPO, "does not appear to be a git repository" },
	{ TROUBLE_NO_REPO, "epository not found" },
	{ TROUBLE_NO_REPO, "does not exist" },
	{ TROUBLE_NO_REPO, "not found" },
};

/* The next line that did not come from the far side; NULL at the end. */
static const char *own_line(const char *s, size_t *len)
{
	while (*s) {
		*len = strcspn(s, "\r\n");
		if (*len > 0 && strncmp(s, "remote:", 7) != 0)
			return s;
		s += *len;
		s += *s != '\0';
	}
	return NULL;
}

enum trouble trouble_of(const char *stderr_text)
{
	enum trouble worst = TROUBLE_OTHER;
	size_t len = 0;

	for (const char *s = stderr_text; (s = own_line(s, &len)); s += len)
		for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
			if (signs[i].trouble < worst &&
			    memmem(s, len, signs[i].words, strlen(signs[i].words)))
				worst = signs[i].trouble;
	return worst;
}

const char *trouble_text(enum trouble t)
{
	switch (t) {
	case TROUBLE_HOSTKEY:
		return "the upstream's host key is not the pinned one";
	case TROUBLE_DENIED:
		return "the upstream does not accept the gate's key";
	case TROUBLE_UNREACHABLE:
		return "upstream unreachable";
	case TROUBLE_NO_REPO:
		return "the upstream has no such repository";
	case TROUBLE_OTHER:
		break;
	}
	return "upstream failed";
}

static bool is_ornament(const char *s, size_t len)
{
	static const char *const noise[] = { "fatal: Could not read from remote",
		                             "Please make sure",
		                             "and the repository exists",
		                             "Warning: Permanently added",
		                             "It is also possible",
		                             "Someone could be",
		                             "Receiving objects:",
		                             "Resolving deltas:",
		                             "From ",
		                             NULL };

	if (s[0] == '@' || s[strspn(s, " \t")] == '\n')
		return true;
	for (size_t i = 0; noise[i]; i++)
		if (len >= strlen(noise[i]) && memcmp(s, noise[i], strlen(noise[i])) == 0)
			return true;
	return false;
}

char *trouble_detail(const char *stderr_text)
{
	struct buf out = BUF_INIT(600);
	size_t len = 0;

	/* "@    WARNING: REMOTE HOST ..." is in a frame of '@', and worth a word. */
	if (trouble_of(stderr_text) == TROUBLE_HOSTKEY && strstr(stderr_text, "HAS CHANGED"))
		buf_adds(&out, "remote host identification has changed; ");
	for (const char *s = stderr_text; (s = own_line(s, &len)); s += len) {
		if (is_ornament(s, len))
			continue;
		if (out.len > 480)
			break;
		if (out.len && out.data[out.len - 1] != ' ')
			buf_adds(&out, "; ");
		text_clean(&out, s, len, 560 - out.len);
	}
	buf_add(&out, "", 0);
	return out.data;
}
