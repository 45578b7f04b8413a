/* May a host be offered to a person, and what must they be told first?
 *
 * The agent chooses the host's text. What is refused here can still be written
 * into the manifest by hand, where nobody is in a hurry, except for what pipelock
 * refuses whatever the manifest says.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/err.h"
#include "core/event.h"
#include "core/pipelock_explain.h"
#include "core/policy.h"

/* Where anybody can have a place of their own, so that allowing the host allows
 * everybody who is there. Each stands for itself and what lies under it. */
enum place {
	PLACE_CODE,
	PLACE_PASTE,
	PLACE_STORE,
	PLACE_SITES, /* a subdomain for everyone: what lies under it belongs to others */
	PLACE_TALK,
	PLACE_PACKAGES,
	PLACE_TUNNEL, /* as SITES, leading to somebody's own computer */
};

static const char *const place_words[] = {
	[PLACE_CODE] = "anyone can have a repository there and be sent data by a push, an "
		       "issue or a gist",
	[PLACE_PASTE] = "anyone can leave a text or file there for others to fetch",
	[PLACE_STORE] = "anyone can have a bucket there, and nobody sees from the name whose it is",
	[PLACE_SITES] = "anyone can have a site there",
	[PLACE_TALK] = "anyone can be sent messages or files there",
	[PLACE_PACKAGES] = "it takes uploads from anyone with an account, and what is fetched from "
			   "it is run",
	[PLACE_TUNNEL] = "it leads to somebody's own computer",
};

static const struct {
	const char *domain;
	enum place place;
} wide[] = {
	{ "github.com", PLACE_CODE },
	{ "githubusercontent.com", PLACE_CODE },
	{ "gitlab.com", PLACE_CODE },
	{ "bitbucket.org", PLACE_CODE },
	{ "codeberg.org", PLACE_CODE },
	{ "gitea.com", PLACE_CODE },
	{ "sr.ht", PLACE_CODE },
	{ "sourceforge.net", PLACE_CODE },
	{ "dev.azure.com", PLACE_CODE },
	{ "huggingface.co", PLACE_CODE },
	{ "pastebin.com", PLACE_PASTE },
	{ "paste.ee", PLACE_PASTE },
	{ "paste.rs", PLACE_PASTE },
	{ "paste.debian.net", PLACE_PASTE },
	{ "dpaste.com", PLACE_PASTE },
	{ "dpaste.org", PLACE_PASTE },
	{ "hastebin.com", PLACE_PASTE },
	{ "rentry.co", PLACE_PASTE },
	{ "termbin.com", PLACE_PASTE },
	{ "0x0.st", PLACE_PASTE },
	{ "ix.io", PLACE_PASTE },
	{ "transfer.sh", PLACE_PASTE },
	{ "file.io", PLACE_PASTE },
	{ "gofile.io", PLACE_PASTE },
	{ "catbox.moe", PLACE_PASTE },
	{ "wetransfer.com", PLACE_PASTE },
	{ "bashupload.com", PLACE_PASTE },
	{ "jsonbin.io", PLACE_PASTE },
	{ "amazonaws.com", PLACE_STORE },
	{ "storage.googleapis.com", PLACE_STORE },
	{ "firebasestorage.googleapis.com", PLACE_STORE },
	{ "firebaseio.com", PLACE_STORE },
	{ "core.windows.net", PLACE_STORE },
	{ "r2.cloudflarestorage.com", PLACE_STORE },
	{ "r2.dev", PLACE_STORE },
	{ "digitaloceanspaces.com", PLACE_STORE },
	{ "backblazeb2.com", PLACE_STORE },
	{ "wasabisys.com", PLACE_STORE },
	{ "supabase.co", PLACE_STORE },
	{ "dropbox.com", PLACE_STORE },
	{ "dropboxusercontent.com", PLACE_STORE },
	{ "github.io", PLACE_SITES },
	{ "gitlab.io", PLACE_SITES },
	{ "pages.dev", PLACE_SITES },
	{ "workers.dev", PLACE_SITES },
	{ "vercel.app", PLACE_SITES },
	{ "netlify.app", PLACE_SITES },
	{ "herokuapp.com", PLACE_SITES },
	{ "onrender.com", PLACE_SITES },
	{ "fly.dev", PLACE_SITES },
	{ "web.app", PLACE_SITES },
	{ "firebaseapp.com", PLACE_SITES },
	{ "appspot.com", PLACE_SITES },
	{ "run.app", PLACE_SITES },
	{ "azurewebsites.net", PLACE_SITES },
	{ "cloudfront.net", PLACE_SITES },
	{ "glitch.me", PLACE_SITES },
	{ "repl.co", PLACE_SITES },
	{ "replit.app", PLACE_SITES },
	{ "railway.app", PLACE_SITES },
	{ "surge.sh", PLACE_SITES },
	{ "blogspot.com", PLACE_SITES },
	{ "discord.com", PLACE_TALK },
	{ "slack.com", PLACE_TALK },
	{ "api.telegram.org", PLACE_TALK },
	{ "docs.google.com", PLACE_TALK },
	{ "drive.google.com", PLACE_TALK },
	{ "script.google.com", PLACE_TALK },
	{ "notion.so", PLACE_TALK },
	{ "registry.npmjs.org", PLACE_PACKAGES },
	{ "upload.pypi.org", PLACE_PACKAGES },
	{ "pypi.org", PLACE_PACKAGES },
	{ "crates.io", PLACE_PACKAGES },
	{ "rubygems.org", PLACE_PACKAGES },
	{ "docker.io", PLACE_PACKAGES },
	{ "ghcr.io", PLACE_PACKAGES },
	{ "ngrok.io", PLACE_TUNNEL },
	{ "ngrok.app", PLACE_TUNNEL },
	{ "ngrok-free.app", PLACE_TUNNEL },
	{ "trycloudflare.com", PLACE_TUNNEL },
	{ "loca.lt", PLACE_TUNNEL },
	{ "serveo.net", PLACE_TUNNEL },
	{ "ts.net", PLACE_TUNNEL },
};

/* Made to record whatever is sent to them, or to stand for the address in the name. */
static const char *const collectors[] = {
	"webhook.site",
	"requestbin.com",
	"requestbin.net",
	"pipedream.net",
	"beeceptor.com",
	"interact.sh",
	"oast.fun",
	"oast.live",
	"oast.me",
	"oast.online",
	"oast.pro",
	"oast.site",
	"burpcollaborator.net",
	"oastify.com",
	"canarytokens.com",
	"dnslog.cn",
	"ceye.io",
	"requestcatcher.com",
	NULL,
};

static const char *const address_names[] = {
	"nip.io", "sslip.io", "xip.io", "localtest.me", "lvh.me", "vcap.me", "traefik.me", NULL,
};

static const char *const metadata[] = {
	"metadata.google.internal",   "metadata.goog",           "metadata", "instance-data",
	"instance-data.ec2.internal", "metadata.azure.internal", NULL,
};

/* Ends of names that nobody outside has: what they resolve to is private. */
static const char *const private_ends[] = {
	"localhost", "local", "localdomain", "internal",  "intranet", "lan",
	"home",      "corp",  "private",     "home.arpa", NULL,
};

static bool is_under(const char *host, const char *domain)
{
	size_t n = strlen(host), m = strlen(domain);

	return n >= m && strcmp(host + n - m, domain) == 0 && (n == m || host[n - m - 1] == '.');
}

static bool is_under_any(const char *host, const char *const *domains)
{
	for (; *domains; domains++)
		if (is_under(host, *domains))
			return true;
	return false;
}

static void say(struct policy_advice *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void say(struct policy_advice *a, const char *fmt, ...)
{
	size_t n = strlen(a->reason);
	va_list ap;

	if (n > 0 && n + 1 < sizeof a->reason)
		a->reason[n++] = ' ';
	va_start(ap, fmt);
	vsnprintf(a->reason + n, sizeof a->reason - n, fmt, ap);
	va_end(ap);
}

static void never(struct policy_advice *a, const char *reason)
{
	a->offer = POLICY_NEVER;
	a->reason[0] = '\0';
	say(a, "%s", reason);
}

/* --- whose name is it? -------------------------------------------------------------------- */

/* Under a country's domain these do not belong to anybody: "co.uk". */
static bool is_second_level(const char *label, size_t n)
{
	static const char *const words[] = { "co",  "com", "org", "net", "ac",  "gov",
		                             "edu", "or",  "ne",  "go",  "ltd", NULL };

	for (size_t i = 0; words[i]; i++)
		if (strlen(words[i]) == n && strncmp(words[i], label, n) == 0)
			return true;
	return false;
}

/* The start of the label before at, which begins a label; 0 when it is the first. */
static size_t label_before(const char *host, size_t at)
{
	size_t i = at >= 2 ? at - 1 : 0;

	while (i > 0 && host[i - 1] != '.')
		i--;
	return i;
}

static size_t registered_part(const char *host)
{
	size_t n = strlen(host), top, second;

	for (size_t i = 0; i < sizeof wide / sizeof *wide; i++) {
		size_t m = strlen(wide[i].domain);

		if ((wide[i].place == PLACE_SITES || wide[i].place == PLACE_TUNNEL) && n > m &&
		    is_under(host, wide[i].domain))
			return label_before(host, n - m);
	}
	top = n;
	while (top > 0 && host[top - 1] != '.')
		top--;
	second = label_before(host, top);
	if (n - top == 2 && second > 0 && is_second_level(host + second, top - 1 - second))
		return label_before(host, second);
	return second;
}

/* --- what a person should know ---------------------------------------------------------- */

static bool has_punycode(const char *host)
{
	return strncmp(host, "xn--", 4) == 0 || strstr(host, ".xn--") != NULL;
}

/* "github.com.evil.test": the part that reads like a whole name is only a label. */
static bool looks_like_another(const char *host, size_t registered_at)
{
	static const char *const tops[] = { ".com.", ".org.", ".net.", ".io.", ".dev.", ".ai." };

	for (size_t i = 0; i < sizeof tops / sizeof *tops; i++) {
		const char *at = strstr(host, tops[i]);

		/* the dot that ends it stands right before the registered part, or earlier */
		if (at && at + strlen(tops[i]) <= host + registered_at)
			return true;
	}
	return false;
}

/* A label that reads like data: looking the host up already tells it to somebody. */
static bool has_data_label(const char *host)
{
	for (const char *s = host; *s;) {
		size_t n = strcspn(s, "."), digits = 0, letters = 0;

		for (size_t i = 0; i < n; i++) {
			digits += isdigit((unsigned char)s[i]) != 0;
			letters += isalpha((unsigned char)s[i]) != 0;
		}
		if (n >= 20 && digits >= 4 && letters >= 4 && strncmp(s, "xn--", 4) != 0)
			return true;
		s += n;
		s += *s == '.';
	}
	return false;
}

static void warn(struct policy_advice *a)
{
	for (size_t i = 0; i < sizeof wide / sizeof *wide; i++)
		if (is_under(a->host, wide[i].domain)) {
			say(a, "%s is wide: %s.", wide[i].domain, place_words[wide[i].place]);
			break;
		}
	if (looks_like_another(a->host, a->registered_at))
		say(a, "It reads like another's name, but belongs to %s.",
		    a->host + a->registered_at);
	if (a->is_punycode)
		say(a, "A part of it (xn--) stands for letters beyond ASCII, which may look like "
		       "others.");
	if (has_data_label(a->host))
		say(a,
		    "A part of it looks like data; whoever owns %s gets it when the name is "
		    "looked up.",
		    a->host + a->registered_at);
	if (*a->reason)
		a->offer = POLICY_OFFERED_WARNED;
}

/* --- what must not be --------------------------------------------------------------------- */

/* "0x7f.1" and "0x7f000001" are addresses to some resolvers. */
static bool is_hex_address(const char *host)
{
	const char *dot = strrchr(host, '.');
	const char *last = dot ? dot + 1 : host;

	return strncmp(last, "0x", 2) == 0 &&
	       strspn(last + 2, "0123456789abcdef") == strlen(last + 2);
}

static bool must_not(struct policy_advice *a, const struct policy *p)
{
	if (is_hex_address(a->host))
		never(a, "It is an address; only host names can be allowed.");
	else if (is_under_any(a->host, metadata))
		never(a, "It is a cloud's metadata service, which gives keys away; never allowed.");
	else if (event_host_is_probe(a->host) || is_under(a->host, "invalid"))
		never(a, "The name exists nowhere; it is one of our own probes, or a mistake.");
	else if (is_under_any(a->host, address_names))
		never(a, "Its names stand for whatever address is written in them.");
	else if (is_under_any(a->host, collectors))
		never(a, "It is made to record what is sent to it. If you need it, write it into "
		         "the manifest.");
	else if ((!strchr(a->host, '.') || is_under_any(a->host, private_ends)) &&
	         !(p && host_list_covers(p->trusted, a->host)))
		never(a, "It is a name of a private network, which pipelock lets through only if "
		         "the bottle's \"trusted\" has it at launch.");
	else
		return false;
	return true;
}

void policy_consider(struct policy_advice *out, const char *host, const struct policy *p,
                     int64_t now)
{
	struct err err = { 0 };

	*out = (struct policy_advice){ .offer = POLICY_OFFERED };
	if (!host || host_name_check(out->host, host, false, false, &err) < 0) {
		out->host[0] = '\0';
		never(out, host ? err.msg : "It names no host.");
		return;
	}
	out->registered_at = registered_part(out->host);
	out->is_punycode = has_punycode(out->host);
	if (p && policy_allows(p, out->host, now))
		out->offer = POLICY_ALREADY;
	else if (!must_not(out, p))
		warn(out);
}

void policy_consider_event(struct policy_advice *out, const struct event *ev,
                           const struct policy *p, int64_t now)
{
	const struct pipelock_scanner *s = pipelock_explain(ev->rule ? ev->rule : "");

	policy_consider(out, ev->host, p, now);
	if (out->offer == POLICY_NEVER)
		return;
	if (ev->kind == EVENT_EGRESS_DNS) {
		never(out,
		      "Names are looked up by the proxy alone: allowing the host does not help "
		      "a program that goes round it.");
	} else if ((ev->kind != EVENT_EGRESS_BLOCKED && ev->kind != EVENT_EGRESS_DLP) ||
	           s->remedy != PIPELOCK_ALLOW_HOST) {
		never(out, s->meaning);
		say(out, "%s", s->advice);
	}
}
