/* pipelock's configuration (2.3): the one place where it is written.
 *
 * The same input always gives the same bytes, since "what is in force" is told
 * by their SHA-256: pipelock answers a hot reload with it (config_reload).
 *
 * What is fixed, and why:
 * - mode strict: the only one in which the allowlist counts. It makes reloads a
 *   ratchet: besides the allowlist and the kill switch nothing here may be
 *   loosened while it runs, or the whole file is refused. So a reload renders
 *   everything anew from the same values with another allowlist.
 * - No api_listen: the agent could reach it. metrics_listen moves /metrics and
 *   /stats from the proxy's port, which the agent reaches too, to loopback.
 * - The agent's name is bound, so that it cannot choose what the log calls it.
 * - Every header is scanned but those of framing and the bottle's
 *   unscanned_headers: with the default mode a secret leaves in any header whose
 *   name is not on pipelock's short list.
 * - Custom patterns refuse git-receive-pack URLs (both the look-up and the POST)
 *   on every intercepted host, so that no push goes round the gate over https.
 *   In a URL a match is always refused, whatever dlp_action says. They match the
 *   decoded path and query, and the request's media type. What they cannot see:
 *   passthrough hosts, and APIs that write to a repository without git's
 *   protocol (docs/security.md).
 * - The first custom pattern refuses whatever lies under /isolation-probe.git and
 *   bears its own name, since pipelock cuts the path from the log line: so our
 *   probe of the rule above is known as one. pipelock's own patterns come first,
 *   so nothing hides behind it.
 * - Limits raised from defaults that break honest work: 60 requests a minute,
 *   5 MiB bodies, 5 minutes for a tunnel.
 * - scan_env off: nothing secret is in pipelock's environment; the bottle's
 *   secrets come in secrets_file. taint and sentry off.
 * - Responses are scanned for injections but let through with a warning.
 *
 * Only keys that 2.3 knows are written; an unknown key is fatal to it.
 */
#ifndef CORE_PIPELOCK_H
#define CORE_PIPELOCK_H

#include <stdbool.h>

struct buf;
struct err;

#define PIPELOCK_DIR "/etc/pipelock"
#define PIPELOCK_CONFIG PIPELOCK_DIR "/pipelock.yaml"
#define PIPELOCK_CA PIPELOCK_DIR "/ca.pem"
#define PIPELOCK_CA_KEY PIPELOCK_DIR "/ca-key.pem"
#define PIPELOCK_SECRETS PIPELOCK_DIR "/secrets"
#define PIPELOCK_PORT 8888
#define PIPELOCK_CONFIG_MAX (1 << 20)

/* Names of the custom patterns, as they come back in the log. */
#define PIPELOCK_PUSH_PATTERN "Git push over HTTPS"
#define PIPELOCK_PROBE_PATTERN "Isolation probe"

struct pipelock_config {
	const char *agent; /* the session's name */
	/* Lists end in NULL; NULL is an empty list. Hosts are as in the manifest,
	 * "*.dom" allowed: in the allowlist it covers dom itself too. */
	char *const *allowlist;   /* at least one, or strict mode will not start */
	char *const *passthrough; /* not intercepted; fixed while it runs */
	char *const *trusted;     /* may resolve to a private address; fixed */
	char *const *unscanned_headers;
	bool only_warns;  /* dlp_action "warn": bodies and headers pass */
	bool has_secrets; /* PIPELOCK_SECRETS is there */
	bool is_frozen;   /* refuse everything (kill switch) */
};

/* Append the file to out. Fails on an empty allowlist, on a string that is empty,
 * over 255 bytes, no UTF-8 or holds a control character, and when out is full;
 * out's content is then unspecified. */
int pipelock_render(struct buf *out, const struct pipelock_config *c, struct err *err);

/* Append s as a YAML double-quoted scalar: ASCII only, so that no reader can take
 * it for anything but this string. -1 when s is no UTF-8 or out is full. */
int pipelock_yaml_string(struct buf *out, const char *s);

#endif
