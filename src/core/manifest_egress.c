/* A bottle's "egress": which hosts, and how they are looked at. */
#include <ctype.h>
#include <string.h>

#include "core/err.h"
#include "core/manifest_internal.h"
#include "core/mem.h"

/* Anthropic's hosts, and what Claude Code fetches on its own. */
const char *const manifest_default_allowlist[] = {
	"api.anthropic.com",
	"statsig.anthropic.com",
	"sentry.io",
	"claude.ai",
	"platform.claude.com",
	"downloads.claude.ai",
	"raw.githubusercontent.com",
	NULL,
};

/* Ordinary prose trips the scanner's seed-phrase rule, and the agent's own key is a
 * secret by every rule, so the model's host is not looked into. */
const char *const manifest_default_passthrough[] = { "api.anthropic.com", NULL };

static int checked_host(const struct reader *r, const struct json_node *node, bool may_ip,
                        char **out)
{
	char host[HOST_NAME_SIZE];
	struct err err = { 0 };

	if (host_name_check(host, node->string, true, may_ip, &err) < 0) {
		json_fault(r->doc, node, r->faults, "%s", err.msg);
		return -1;
	}
	*out = xstrdup(host);
	return 0;
}

static int check_allowed(const struct reader *r, const struct json_node *node, char **out)
{
	return checked_host(r, node, true, out);
}

/* No address here: these lists are compared with the name that the agent asks for,
 * and one that is trusted to be private must be a name to be resolved at all. */
static int check_named(const struct reader *r, const struct json_node *node, char **out)
{
	return checked_host(r, node, false, out);
}

static int check_header(const struct reader *r, const struct json_node *node, char **out)
{
	const char *s = node->string;
	size_t n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	                     "!#$%&'*+-.^_`|~");
	char *low;

	if (n == 0 || s[n] || n > 64) {
		json_fault(r->doc, node, r->faults,
		           "\"%.60s\" is no header's name; write it without colon and value, as "
		           "\"X-Api-Key\"",
		           s);
		return -1;
	}
	low = xstrdup(s);
	for (char *c = low; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	*out = low;
	return 0;
}

const char *const egress_keys[] = { "allowlist",  "passthrough",       "trusted",
	                            "dlp_action", "unscanned_headers", NULL };

void bottle_egress(struct bottle_draft *d, const struct json_node *egress)
{
	static const char *const actions[] = { "block", "warn", NULL };
	const struct reader *r = d->r;
	const struct json_node *node;
	int i;

	reader_keys(r, egress, egress_keys, NULL);
	node = json_get(egress, "allowlist");
	if (node)
		reader_strings(r, node, &d->spec->allowlist, check_allowed);
	node = json_get(egress, "passthrough");
	if (node)
		reader_strings(r, node, &d->spec->passthrough, check_named);
	node = json_get(egress, "trusted");
	if (node)
		reader_strings(r, node, &d->spec->trusted, check_named);
	node = json_get(egress, "unscanned_headers");
	if (node)
		reader_strings(r, node, &d->spec->unscanned_headers, check_header);
	node = json_get(egress, "dlp_action");
	i = node ? reader_word(r, node, actions) : -1;
	if (i >= 0) {
		d->has_dlp_action = true;
		d->spec->dlp_action = (enum dlp_action)i;
	}
}
