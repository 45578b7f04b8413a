#include "report.h"

#include <stdio.h>

size_t report_escape(char *out, size_t cap, const char *s)
{
	size_t n = 0;

	for (; *s != '\0'; s++) {
		char c = *s < ' ' || *s > '~' ? '?' : *s;
		size_t need = c == '"' || c == '\\' ? 2 : 1;

		if (n + need >= cap)
			break;
		if (need == 2)
			out[n++] = '\\';
		out[n++] = c;
	}
	out[n] = '\0';
	return n;
}

void report_format(char *out, const char *check, const char *target, bool ok,
		   enum report_level level, long ms, const char *detail)
{
	char safe_target[2 * 128 + 1], safe_detail[2 * 256 + 1];

	report_escape(safe_target, sizeof safe_target, target);
	report_escape(safe_detail, sizeof safe_detail, detail);
	snprintf(out, REPORT_LINE_MAX,
		 "{\"check\":\"%s\",\"target\":\"%s\",\"ok\":%s,\"level\":\"%s\",\"ms\":%ld,"
		 "\"detail\":\"%s\"}",
		 check, safe_target, ok ? "true" : "false", level == REPORT_MUST ? "must" : "warn",
		 ms, safe_detail);
}

void report_check(struct report *r, const char *check, const char *target, bool ok,
		  enum report_level level, long ms, const char *detail)
{
	char line[REPORT_LINE_MAX];

	if (ok)
		r->passed++;
	else if (level == REPORT_MUST)
		r->failed++;
	else
		r->warned++;
	report_format(line, check, target, ok, level, ms, detail);
	puts(line);
}

int report_done(const struct report *r)
{
	printf("{\"done\":true,\"passed\":%d,\"failed\":%d,\"warned\":%d}\n", r->passed, r->failed,
	       r->warned);
	if (fflush(stdout) != 0 || ferror(stdout))
		return 1;
	return r->failed > 0 ? 1 : 0;
}
