/* What the demo shows: six things that an agent tries, what must come of each,
 * what did, and what claude-bottle itself saw of it.
 *
 * Everything here is pure: the trying is in cli/cmd_demo and docker/demo_upstream.
 */
#ifndef CORE_DEMO_H
#define CORE_DEMO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/event.h"

struct err;

/* In the certificate and known to the engine's DNS in the session's egress network
 * alone. The third is served as well, and allowed to nobody. */
#define DEMO_FILES_HOST	   "files.demo.test"
#define DEMO_GIT_HOST	   "git.demo.test"
#define DEMO_UNLISTED_HOST "unlisted.demo.test"
#define DEMO_GIT_URL	   "ssh://git@" DEMO_GIT_HOST "/home/git/demo.git"
#define DEMO_HTTPS_URL	   "https://" DEMO_FILES_HOST "/demo.git"

enum demo_probe {
	DEMO_ALLOWED,
	DEMO_UNLISTED,
	DEMO_TOKEN,
	DEMO_LEAK_PUSH,
	DEMO_CLEAN_PUSH,
	DEMO_HTTPS_PUSH,
	DEMO_PROBES
};

/* One line of the table, filled in as the demo goes. */
struct demo_row {
	bool was_tried;
	bool is_ok;		/* what was seen is what was expected, its event included */
	char *seen;		/* may hold what a container wrote */
	struct event event;	/* valid when has_event */
	bool has_event;
};

struct demo_left {
	bool is_known;		/* the engine was asked */
	size_t containers, networks, volumes;
};

struct demo_table {
	char *session;
	unsigned isolation_passed, isolation_total;
	char *pipelock_image;
	bool is_standin;	/* its image says so */
	char *standin_why;	/* NULL when is_standin is false */
	struct demo_row rows[DEMO_PROBES];
	struct demo_left left;
	double launch_s, probes_s, total_s;
};

const char *demo_name(enum demo_probe p);	/* "allowed", "unlisted", ... */
const char *demo_title(enum demo_probe p);	/* "a request to an allowed host" */
const char *demo_expected(enum demo_probe p);

/* The demo's manifest from its template: the two placeholders become JSON strings.
 * Fails when the template lacks one of them. */
int demo_manifest(struct buf *out, const char *template, const char *identity_file,
                  const char *known_host_key, struct err *err);

/* Strings of the shape of secrets, from n random bytes, so that no file of ours holds
 * one. False when these bytes make one that a scanner would take for a made-up
 * one (too few different characters): try others. */
#define DEMO_GITHUB_SIZE 41	/* ghp_, 36 characters, NUL */
#define DEMO_AWS_SIZE	 21	/* AKIA, 16 characters, NUL */
bool demo_github_token(char out[DEMO_GITHUB_SIZE], const unsigned char random[36]);
bool demo_aws_key(char out[DEMO_AWS_SIZE], const unsigned char random[16]);

/* What curl wrote with -w '\n%{http_code}': the code, and the answer before it.
 * -1 when there is no code. */
int demo_http_answer(const char *out, size_t len, size_t *body_len);

/* Is this event the one that the probe must leave? */
bool demo_is_event_of(enum demo_probe p, const struct event *e);

/* Was everything as it should be, the end included? */
bool demo_is_ok(const struct demo_table *t);

/* The table for people, in parts, so that each shows when it is there. */
void demo_text_head(struct buf *b, const struct demo_table *t);
void demo_text_row(struct buf *b, const struct demo_table *t, enum demo_probe p);
void demo_text_end(struct buf *b, const struct demo_table *t);

/* The whole as one JSON object and a newline. */
void demo_json(struct buf *b, const struct demo_table *t);

void demo_table_done(struct demo_table *t);	/* NULL is fine */

#endif
