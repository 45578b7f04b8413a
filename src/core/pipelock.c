#include "core/pipelock.h"

#include <stdint.h>
#include <string.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/text.h"

/* Headers that frame the message and never reach the upstream as written, so a
 * secret in them goes nowhere. */
static const char *const framing_headers[] = {
	"Connection",
	"Keep-Alive",
	"Proxy-Authenticate",
	"Te",
	"Trailer",
	"Upgrade",
	"Transfer-Encoding",
	"Host",
	"Content-Length",
	"Accept-Encoding",
	NULL,
};

/* Before the lists. The port is PIPELOCK_PORT. */
static const char head[] = "# Written by claude-bottle for one session; it is replaced whole.\n"
			   "version: 1\n"
			   "mode: strict\n"
			   "enforce: true\n"
			   "explain_blocks: true\n"
			   "bind_default_agent_identity: true\n"
			   "metrics_listen: \"127.0.0.1:9090\"\n"
			   "logging:\n"
			   "  format: json\n"
			   "  output: stdout\n"
			   "  include_allowed: true\n"
			   "  include_blocked: true\n"
			   "fetch_proxy:\n"
			   "  listen: \"0.0.0.0:8888\"\n"
			   "  monitoring:\n"
			   "    max_requests_per_minute: 6000\n"
			   "    max_url_length: 8192\n"
			   "    entropy_threshold: 5.5\n"
			   "forward_proxy:\n"
			   "  enabled: true\n"
			   "  max_tunnel_seconds: 3600\n"
			   "  idle_timeout_seconds: 900\n"
			   "  sni_verification: true\n"
			   "response_scanning:\n"
			   "  enabled: true\n"
			   "  action: warn\n"
			   "  sse_streaming:\n"
			   "    enabled: true\n"
			   "    action: warn\n"
			   "taint:\n"
			   "  enabled: false\n"
			   "sentry:\n"
			   "  enabled: false\n";

struct pattern {
	const char *name, *regex;
};

/* RE2; pipelock makes them ignore case and tries them on the URL, its decoded
 * path and query, each parameter, bodies and headers. The first match names the
 * refusal, so the narrow one comes first. */
static const struct pattern patterns[] = {
	{ PIPELOCK_PROBE_PATTERN, "/isolation-probe\\.git(?:/|$)" },
	{ PIPELOCK_PUSH_PATTERN, "(?:^|[?&])service=git-receive-pack(?:[&#]|$)"
	                         "|/git-receive-pack/?(?:[?#]|$)"
	                         "|application/x-git-receive-pack-request" },
};

int pipelock_yaml_string(struct buf *out, const char *s)
{
	size_t n = strlen(s);
	int rc = buf_addc(out, '"');

	for (size_t at = 0; at < n && rc == 0;) {
		uint32_t cp = 0;
		size_t len = text_utf8(s + at, n - at, &cp);

		if (len == 0)
			return -1;
		if (cp == '"' || cp == '\\')
			rc = buf_addf(out, "\\%c", (char)cp);
		else if (cp >= 0x20 && cp < 0x7f)
			rc = buf_addc(out, (char)cp);
		else if (cp < 0x10000)
			rc = buf_addf(out, "\\u%04x", (unsigned)cp);
		else
			rc = buf_addf(out, "\\U%08x", (unsigned)cp);
		at += len;
	}
	return rc < 0 ? -1 : buf_addc(out, '"');
}

/* A value that a person wrote: quoted, and checked once more here, since what
 * goes wrong in this file opens the bottle. */
static int quoted(struct buf *out, const char *what, const char *s, struct err *err)
{
	size_t n = strlen(s);

	if (n == 0 || n > 255)
		return err_set(err, ERR_INPUT, "%s: %s", what,
		               n ? "longer than 255 bytes" : "an empty entry");
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
			return err_set(err, ERR_INPUT, "%s: holds a control character", what);
	if (pipelock_yaml_string(out, s) < 0 && !out->overflowed)
		return err_set(err, ERR_INPUT, "%s: is not valid UTF-8", what);
	return 0;
}

static int list(struct buf *out, const char *key, int indent, char *const *v, struct err *err)
{
	if (!v || !v[0])
		return 0;
	buf_addf(out, "%*s%s:\n", indent, "", key);
	for (; *v; v++) {
		buf_addf(out, "%*s- ", indent + 2, "");
		if (quoted(out, key, *v, err) < 0)
			return -1;
		buf_addc(out, '\n');
	}
	return 0;
}

static int interception(struct buf *out, const struct pipelock_config *c, struct err *err)
{
	buf_adds(out, "tls_interception:\n"
	              "  enabled: true\n"
	              "  ca_cert: " PIPELOCK_CA "\n"
	              "  ca_key: " PIPELOCK_CA_KEY "\n"
	              "  max_response_bytes: 268435456\n");
	return list(out, "passthrough_domains", 2, c->passthrough, err);
}

static int scanning(struct buf *out, const struct pipelock_config *c, struct err *err)
{
	buf_addf(out,
	         "request_body_scanning:\n"
	         "  enabled: true\n"
	         "  action: %s\n"
	         "  max_body_bytes: 33554432\n"
	         "  scan_headers: true\n"
	         "  header_mode: all\n"
	         "  ignore_headers:\n",
	         c->only_warns ? "warn" : "block");
	/* never an empty list: that would mean pipelock's own, longer one */
	for (const char *const *h = framing_headers; *h; h++)
		buf_addf(out, "    - \"%s\"\n", *h);
	for (char *const *h = c->unscanned_headers; h && *h; h++) {
		buf_adds(out, "    - ");
		if (quoted(out, "unscanned_headers", *h, err) < 0)
			return -1;
		buf_addc(out, '\n');
	}

	buf_adds(out, "dlp:\n"
	              "  include_defaults: true\n"
	              "  scan_env: false\n");
	if (c->has_secrets)
		buf_adds(out, "  secrets_file: " PIPELOCK_SECRETS "\n");
	buf_adds(out, "  patterns:\n");
	for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
		buf_adds(out, "    - name: ");
		pipelock_yaml_string(out, patterns[i].name);
		buf_adds(out, "\n      regex: ");
		pipelock_yaml_string(out, patterns[i].regex);
		buf_adds(out, "\n      severity: critical\n");
	}
	return 0;
}

int pipelock_render(struct buf *out, const struct pipelock_config *c, struct err *err)
{
	if (!c->allowlist || !c->allowlist[0])
		return err_set(err, ERR_INPUT, "api_allowlist: needs at least one host");
	buf_adds(out, head);
	buf_addf(out, "kill_switch:\n  enabled: %s\n", c->is_frozen ? "true" : "false");
	buf_adds(out, "default_agent_identity: ");
	if (quoted(out, "default_agent_identity", c->agent ? c->agent : "", err) < 0)
		return -1;
	buf_addc(out, '\n');
	if (list(out, "api_allowlist", 0, c->allowlist, err) < 0 ||
	    list(out, "trusted_domains", 0, c->trusted, err) < 0 || interception(out, c, err) < 0 ||
	    scanning(out, c, err) < 0)
		return -1;
	if (out->overflowed)
		return err_set(err, ERR_INPUT, "pipelock's configuration is larger than %zu bytes",
		               out->max);
	return 0;
}
