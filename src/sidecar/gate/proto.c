#include "proto.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"
#include "util.h"

const char *service_name(enum service s)
{
	return s == SERVICE_UPLOAD_PACK ? "upload-pack" : "receive-pack";
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int pkt_length(const char header[4])
{
	int len = 0;

	for (int i = 0; i < 4; i++) {
		int d = hex_digit(header[i]);

		if (d < 0)
			return -1;
		len = len * 16 + d;
	}
	return len == 3 || len > PKT_MAX ? -1 : len;
}

static int request_service(struct request *req, const char *word, size_t len, struct err *err)
{
	static const struct {
		const char *word;
		enum service service;
	} known[] = {
		{ "git-upload-pack", SERVICE_UPLOAD_PACK },
		{ "git-receive-pack", SERVICE_RECEIVE_PACK },
	};

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (len == strlen(known[i].word) && memcmp(word, known[i].word, len) == 0) {
			req->service = known[i].service;
			return 0;
		}
	return err_set(err, "only fetches and pushes are served here");
}

int request_parse(struct request *req, const char *payload, size_t len, struct err *err)
{
	const char *end = memchr(payload, '\0', len);
	const char *space = memchr(payload, ' ', len);
	struct request r = { 0 };
	size_t path_len;

	/* A client without a host part ends the line with a newline instead. */
	if (!end)
		end = payload + len - (len > 0 && payload[len - 1] == '\n');
	if (!space || space > end)
		return err_set(err, "that is no git request");
	if (request_service(&r, payload, (size_t)(space - payload), err) < 0)
		return -1;

	path_len = (size_t)(end - space - 1);
	if (path_len == 0 || space[1] != '/' || path_len >= sizeof r.path)
		return err_set(err, "that is no usable repository path");
	memcpy(r.path, space + 1, path_len);

	/* After "host=...\0" an empty string opens the extra parameters. */
	for (const char *p = end + 1; p < payload + len;) {
		const char *stop = memchr(p, '\0', (size_t)(payload + len - p));

		if (!stop)
			break;
		if (strcmp(p, "version=1") == 0 || strcmp(p, "version=2") == 0)
			r.version = p[8] - '0';
		p = stop + 1;
	}
	*req = r;
	return 0;
}

void pkt_error(struct buf *out, const char *message)
{
	struct buf text = BUF_INIT(1024);

	buf_adds(&text, "ERR git-gate: ");
	text_clean(&text, message, strlen(message), 900);
	buf_addf(out, "%04zx", text.len + 4);
	buf_add(out, text.data, text.len);
	buf_done(&text);
}

int oid_is_zero(const char *hex)
{
	return hex[strspn(hex, "0")] == '\0';
}

int oid_is_valid(const char *hex, size_t len)
{
	if (len != 40 && len != 64)
		return 0;
	for (size_t i = 0; i < len; i++)
		if (hex_digit(hex[i]) < 0 || (hex[i] >= 'A' && hex[i] <= 'F'))
			return 0;
	return 1;
}

int ref_is_valid(const char *name)
{
	static const char never[] = " ~^:?*[\\\177";

	for (const char *p = name;;) {
		size_t len = strcspn(p, "/");

		if (len == 0 || p[0] == '.' || p[len - 1] == '.')
			return 0;
		if (len >= 5 && memcmp(p + len - 5, ".lock", 5) == 0)
			return 0;
		for (size_t i = 0; i < len; i++)
			if ((unsigned char)p[i] < ' ' || strchr(never, p[i]) ||
			    (p[i] == '.' && p[i + 1] == '.') || (p[i] == '@' && p[i + 1] == '{'))
				return 0;
		if (p[len] == '\0')
			return p != name; /* two parts at least */
		p += len + 1;
	}
}

int ref_updates_add(struct ref_updates *u, const char *line, size_t len)
{
	const char *a = memchr(line, ' ', len), *b;
	struct ref_update *r;

	if (!a || !oid_is_valid(line, (size_t)(a - line)))
		return -1;
	b = memchr(a + 1, ' ', len - (size_t)(a + 1 - line));
	if (!b || !oid_is_valid(a + 1, (size_t)(b - a - 1)) || b + 1 == line + len)
		return -1;
	if (memchr(b, '\0', len - (size_t)(b - line)))
		return -1;
	u->v = xreallocarray(u->v, u->n + 1, sizeof *u->v);
	r = &u->v[u->n++];
	r->old = xstrndup(line, (size_t)(a - line));
	r->new = xstrndup(a + 1, (size_t)(b - a - 1));
	r->ref = xstrndup(b + 1, len - (size_t)(b + 1 - line));
	return 0;
}

void ref_updates_done(struct ref_updates *u)
{
	for (size_t i = 0; i < u->n; i++) {
		free(u->v[i].old);
		free(u->v[i].new);
		free(u->v[i].ref);
	}
	free(u->v);
	u->v = NULL;
	u->n = 0;
}

int commands_parse(struct ref_updates *u, const char *data, size_t len)
{
	while (len >= 4) {
		int pkt = pkt_length(data);
		const char *line = data + 4;
		size_t n;

		if (pkt == 0)
			return 1;
		if (pkt < 4)
			return -1;
		if ((size_t)pkt > len)
			return 0;
		n = strnlen(line, (size_t)pkt - 4); /* capabilities follow a NUL */
		if (n > 0 && line[n - 1] == '\n')
			n--;
		if (strncmp(line, "shallow ", n < 8 ? n : 8) != 0 &&
		    ref_updates_add(u, line, n) < 0)
			return -1;
		data += pkt;
		len -= (size_t)pkt;
	}
	return 0;
}
