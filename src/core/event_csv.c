/* Events as CSV (RFC 4180), for spreadsheets. */
#include <stdio.h>
#include <string.h>

#include "core/buf.h"
#include "core/event.h"
#include "core/stamp.h"
#include "core/text.h"

int event_csv_header(struct buf *out)
{
	return buf_adds(out, "id,time,session,bottle,source,kind,verdict,host,rule,summary,count,"
	                     "probe,detail\r\n");
}

/* A field. Agents choose host names and texts: what a spreadsheet would take for a
 * formula begins with an apostrophe, which it takes for text. */
static int field(struct buf *out, const char *s)
{
	struct buf safe = BUF_INIT(EVENT_DETAIL_MAX * 8);
	int rc = buf_addc(out, ',');

	if (s && rc == 0)
		rc = text_safe_str(&safe, s, 0);
	if (safe.len && rc == 0) {
		const char *p = buf_str(&safe);

		rc = buf_addc(out, '"');
		if (strchr("=+-@\t\r", *p) && rc == 0)
			rc = buf_addc(out, '\'');
		for (; *p && rc == 0; p++) {
			if (*p == '"')
				rc = buf_addc(out, '"');
			if (rc == 0)
				rc = buf_addc(out, *p);
		}
		if (rc == 0)
			rc = buf_addc(out, '"');
	}
	buf_done(&safe);
	return rc;
}

int event_csv(struct buf *out, const struct event *e)
{
	char ts[STAMP_SIZE];
	int rc;

	stamp_format(ts, e->ts_ns);
	rc = buf_addf(out, "%llu,%s", (unsigned long long)e->id, ts);
	rc |= field(out, e->session);
	rc |= field(out, e->bottle);
	rc |= field(out, event_source_name(e->source));
	rc |= field(out, event_kind_name(e->kind));
	rc |= field(out, event_verdict_name(e->verdict));
	rc |= field(out, e->host);
	rc |= field(out, e->rule);
	rc |= field(out, e->summary);
	rc |= buf_addf(out, ",%u,%s", e->count, e->is_probe ? "true" : "false");
	rc |= field(out, e->detail);
	rc |= buf_adds(out, "\r\n");
	return rc < 0 ? -1 : 0;
}
