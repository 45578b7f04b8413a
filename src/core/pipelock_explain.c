#include "core/pipelock_explain.h"

#include <string.h>

#include "core/pipelock.h"

#define BLOCKED EVENT_EGRESS_BLOCKED
#define DLP EVENT_EGRESS_DLP

static const char no_secret[] =
	"Nothing that looks like a secret may leave; tell the agent to leave it out.";
static const char honest_client[] =
	"An honest client does not do this; look at what the agent runs.";

static const struct pipelock_scanner scanners[] = {
	/* by pattern: these come before the scanner that used them */
	{ PIPELOCK_PUSH_PATTERN, BLOCKED, PIPELOCK_NO_REMEDY,
	  "A git push over https would go round the git gate.",
	  "Name the repository in the bottle's \"git\", and let the agent push to it over ssh.",
	  true },
	{ PIPELOCK_PROBE_PATTERN, BLOCKED, PIPELOCK_NO_REMEDY,
	  "Our own probe that a push over https is refused.", "Nothing: this is how it should be.",
	  true },
	{ "Known Secret Leak", DLP, PIPELOCK_CHANGE_BOTTLE,
	  "The request holds one of the secrets that this bottle was given.",
	  "If the host is meant to have it, name it in \"passthrough\" or the header in "
	  "\"unscanned_headers\".",
	  true },

	{ "allowlist", BLOCKED, PIPELOCK_ALLOW_HOST, "The host is not in the bottle's allowlist.",
	  "Allow the host if the agent should reach it; the agent has to try again.", false },
	{ "blocklist", BLOCKED, PIPELOCK_NO_REMEDY, "The host is on pipelock's blocklist.",
	  "claude-bottle sets none: the configuration was changed by somebody else.", false },
	{ "ratelimit", BLOCKED, PIPELOCK_WAIT, "More than 6000 requests a minute to one domain.",
	  "It passes within a minute; see what the agent is doing.", false },
	{ "databudget", BLOCKED, PIPELOCK_WAIT, "More data to one domain than it may get a minute.",
	  "It passes within a minute; see what the agent is sending.", false },
	{ "length", BLOCKED, PIPELOCK_NO_REMEDY, "The URL is longer than 8192 characters.",
	  "Long URLs carry data out; tell the agent to send it in a body.", true },
	{ "entropy", DLP, PIPELOCK_CHANGE_BOTTLE,
	  "A part of the URL looks random, as an encoded secret does.",
	  "If the service really needs such URLs, name the host in \"passthrough\".", true },
	{ "subdomain_entropy", DLP, PIPELOCK_CHANGE_BOTTLE,
	  "A part of the host name looks random, as data smuggled out by name does.",
	  "If the service really has such names, name the host in \"passthrough\".", true },
	{ "dlp", DLP, PIPELOCK_NO_REMEDY, "The URL holds something shaped like a secret.",
	  no_secret, true },
	{ "core_dlp", DLP, PIPELOCK_NO_REMEDY, "The URL holds something shaped like a secret.",
	  no_secret, true },
	{ "body_dlp", DLP, PIPELOCK_CHANGE_BOTTLE,
	  "The request's body holds something shaped like a secret, or cannot be scanned.",
	  "Tell the agent to leave it out. \"dlp_action\": \"warn\" lets bodies and headers "
	  "through.",
	  true },
	{ "header_dlp", DLP, PIPELOCK_CHANGE_BOTTLE,
	  "A header of the request holds something shaped like a secret.",
	  "If the host is meant to get it, name the header in \"unscanned_headers\".", true },
	{ "seed_phrase", DLP, PIPELOCK_NO_REMEDY, "The request holds a wallet's seed phrase.",
	  no_secret, true },
	{ "address_protection", DLP, PIPELOCK_NO_REMEDY,
	  "A payment address resembles a known one but differs.", honest_client, true },
	{ "redaction", DLP, PIPELOCK_NO_REMEDY, "What should have been masked could not be.",
	  no_secret, true },
	{ "mcp_input_scanning", DLP, PIPELOCK_NO_REMEDY,
	  "A tool call holds something shaped like a secret.", no_secret, true },
	{ "cross_request", DLP, PIPELOCK_NO_REMEDY,
	  "Several requests together look like a secret leaving in pieces.", no_secret, true },
	{ "cross_request_entropy", DLP, PIPELOCK_NO_REMEDY,
	  "Several requests together carry more random text than honest work does.", no_secret,
	  true },
	{ "cross_request_fragment", DLP, PIPELOCK_NO_REMEDY,
	  "Several requests together hold a secret in pieces.", no_secret, true },
	{ "response_scan", DLP, PIPELOCK_NO_REMEDY,
	  "The response tries to give the agent orders (prompt injection).",
	  "Do not trust what the agent read there.", false },
	{ "core_response", DLP, PIPELOCK_NO_REMEDY,
	  "The response tries to give the agent orders (prompt injection).",
	  "Do not trust what the agent read there.", false },
	{ "sse_stream", DLP, PIPELOCK_NO_REMEDY,
	  "A streamed response tries to give the agent orders; the stream was cut.",
	  "Do not trust what the agent read there.", false },

	{ "ssrf", BLOCKED, PIPELOCK_CHANGE_BOTTLE, "The host resolves to a private address.",
	  "If it is a host of your own network, name it in \"trusted\" and relaunch.", false },
	{ "core_ssrf", BLOCKED, PIPELOCK_NO_REMEDY,
	  "The request goes to a private or metadata address.", "This is never allowed.", false },
	{ "ssrf_metadata", BLOCKED, PIPELOCK_NO_REMEDY,
	  "The request goes to a cloud's metadata address.", "This is never allowed.", false },
	{ "crlf_injection", BLOCKED, PIPELOCK_NO_REMEDY, "The URL holds a line break.",
	  honest_client, false },
	{ "path_traversal", BLOCKED, PIPELOCK_NO_REMEDY, "The URL climbs out with \"..\".",
	  honest_client, false },
	{ "scheme", BLOCKED, PIPELOCK_NO_REMEDY, "Only http and https may be asked for.",
	  honest_client, false },
	{ "parser", BLOCKED, PIPELOCK_NO_REMEDY, "The URL cannot be read unambiguously.",
	  honest_client, false },
	{ "context", BLOCKED, PIPELOCK_NO_REMEDY, "The request ended before it was judged.",
	  "The agent can try again.", false },
	{ "tls_authority_mismatch", BLOCKED, PIPELOCK_NO_REMEDY,
	  "Inside the tunnel another host was asked for than the tunnel was opened to.",
	  honest_client, false },
	{ "sni_mismatch", BLOCKED, PIPELOCK_NO_REMEDY,
	  "TLS was opened to another host than the tunnel.", honest_client, false },
	{ "tls_handshake_error", BLOCKED, PIPELOCK_CHANGE_BOTTLE,
	  "The client does not speak TLS here, or does not accept our certificate.",
	  "If it pins certificates or is no TLS, name the host in \"passthrough\" and relaunch.",
	  false },
	{ "tls_response_blocked", BLOCKED, PIPELOCK_CHANGE_BOTTLE,
	  "The response is compressed against our wish or over 256 MiB, so it cannot be scanned.",
	  "Name the host in \"passthrough\" and relaunch if it must pass unscanned.", false },
	{ "media_policy", BLOCKED, PIPELOCK_CHANGE_BOTTLE,
	  "Audio and video are kept from the agent: they can carry orders that no scanner reads.",
	  "Name the host in \"passthrough\" and relaunch if it must pass.", false },
	{ "budget", BLOCKED, PIPELOCK_WAIT, "A budget of requests or bytes is used up.",
	  "It passes by itself.", false },
	{ "ws_protocol", BLOCKED, PIPELOCK_CHANGE_BOTTLE,
	  "The websocket carries what cannot be scanned (binary or compressed frames).",
	  "Name the host in \"passthrough\" and relaunch if it must pass.", false },
	{ "shield_oversize", BLOCKED, PIPELOCK_CHANGE_BOTTLE,
	  "The page is too large to be cleaned.",
	  "Name the host in \"passthrough\" and relaunch if it must pass.", false },
	{ "scanner_unavailable", BLOCKED, PIPELOCK_WAIT,
	  "pipelock's scanner was not there, so it refused.", "The agent can try again.", false },
	{ "session_deny", BLOCKED, PIPELOCK_CHANGE_BOTTLE,
	  "After many refusals pipelock refuses everything from this session.",
	  "claude-bottle leaves this off; relaunch the session.", false },
	{ "airlock", BLOCKED, PIPELOCK_CHANGE_BOTTLE,
	  "pipelock has put this session into quarantine.",
	  "claude-bottle leaves this off; relaunch the session.", false },
	{ "taint", BLOCKED, PIPELOCK_CHANGE_BOTTLE,
	  "The agent read something hostile and then tried something sensitive.",
	  "claude-bottle leaves this off; relaunch the session.", false },
	{ "kill_switch", BLOCKED, PIPELOCK_WAIT, "The session is frozen: everything is refused.",
	  "Unfreeze it with F.", false },
	{ "chain_detection", BLOCKED, PIPELOCK_NO_REMEDY,
	  "A row of tool calls looks like reading and sending out.", honest_client, false },
};

static const struct pipelock_scanner unknown = {
	"",
	BLOCKED,
	PIPELOCK_NO_REMEDY,
	"pipelock refused it for a reason that we do not know.",
	"Read the details; a newer claude-bottle may know it.",
	true,
};

static const struct pipelock_scanner no_address = {
	"ssrf",
	BLOCKED,
	PIPELOCK_WAIT,
	"The host's name has no address, so it cannot be judged, or reached.",
	"Look whether the name is right; otherwise the agent can try again later.",
	false,
};

static const struct pipelock_scanner *find(const char *name, size_t n)
{
	for (size_t i = 0; i < sizeof scanners / sizeof *scanners; i++)
		if (strlen(scanners[i].name) == n && !memcmp(scanners[i].name, name, n))
			return &scanners[i];
	return NULL;
}

const struct pipelock_scanner *pipelock_explain(const char *rule)
{
	const struct pipelock_scanner *by_name, *by_pattern = NULL;
	size_t n = strcspn(rule, ":");

	/* one pattern alone may have a story of its own */
	if (rule[n] == ':' && rule[n + 1] == ' ')
		by_pattern = find(rule + n + 2, strlen(rule + n + 2));
	if (by_pattern)
		return by_pattern;
	by_name = find(rule, n);
	return by_name ? by_name : &unknown;
}

const struct pipelock_scanner *pipelock_explain_reason(const char *rule, const char *reason)
{
	static const char unjudged[] = "SSRF check failed: ";
	const struct pipelock_scanner *s = pipelock_explain(rule);

	if (strcmp(s->name, "ssrf") == 0 && strncmp(reason, unjudged, sizeof unjudged - 1) == 0)
		return &no_address;
	return s;
}
