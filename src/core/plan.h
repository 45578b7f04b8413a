/* A launch, planned: every step with what it waits for, printable before
 * anything is done.
 *
 * A plan is data. It holds no secret: secrets and keys appear as references
 * (FILE_HOST, FILE_SECRETS, ...) that the launch resolves in memory.
 * Steps are numbered by their index; a step waits for those whose bits are set
 * in after, which are all lower than its own.
 */
#ifndef CORE_PLAN_H
#define CORE_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/session.h"

struct buf;

#define PLAN_STEPS_MAX 64

enum plan_file_kind {
	PLAN_FILE_DIR,
	PLAN_FILE_TEXT,		/* text, as planned */
	PLAN_FILE_HOST,		/* a file of the host, by path (an identity file) */
	PLAN_FILE_CA_CERT,
	PLAN_FILE_CA_KEY,
	PLAN_FILE_CA_BUNDLE,	/* the agent image's own bundle with our CA appended */
	PLAN_FILE_SECRETS,	/* the values of the bottle's secrets, a line each */
	PLAN_FILE_HELPER,	/* the sidecar program, taken from the keeper's image */
	PLAN_FILE_SKILL,	/* a folder of ~/.claude/skills, by name, into the folder path */
	PLAN_FILE_WORKSPACE,	/* a copy of the folder source */
};

struct plan_file {
	enum plan_file_kind kind;
	char *path;		/* in the container, absolute */
	char *text;		/* PLAN_FILE_TEXT */
	char *source;		/* path or name on the host */
	char *root;		/* WORKSPACE, HOST: must contain source; NULL for any */
	unsigned mode, uid, gid;
};

enum plan_step_kind {
	STEP_CALL,		/* one request to the engine */
	STEP_FETCH,		/* GET of an archive that a later step needs */
	STEP_PUT,		/* files into a container */
	STEP_READY,		/* wait for a line in a member's log */
	STEP_PROBE,		/* run the probe container to its end, read its checks */
	STEP_SELFCHECK,		/* exec in the agent's container, read its checks */
	STEP_INSPECT,		/* compare what the engine did with what was asked */
	STEP_VERDICT,		/* did every isolation check hold? Fails, or is forced */
	STEP_RELEASE,		/* secrets by exec's stdin; the agent then starts */
	STEP_RECORD,		/* leave the isolation result with the keeper */
};

struct plan_step {
	enum plan_step_kind kind;
	enum session_role role;	/* whom it is about */
	char *title;		/* "create pipelock" */
	char *method, *path;	/* STEP_CALL: the request... */
	char *body;		/* ...and its JSON, or NULL. STEP_READY: text to wait for */
	struct plan_file *files;	/* STEP_PUT */
	size_t n_files;
	uint64_t after;
};

struct plan {
	char session[MANIFEST_NAME_MAX + 1];
	char *agent, *bottle, *label;
	char *color;		/* as asked for; NULL */
	char *launch;		/* random, in the label of everything that it makes */
	char *record_launch;	/* the launch that the isolation result is of */
	char *digest;
	char *runtime;		/* "runc", "runsc" */
	char *internal_subnet, *egress_subnet;
	char *images[ROLE_COUNT];	/* reference for each member planned, else NULL */
	bool has_probes;
	struct plan_step *steps;
	size_t n_steps;
};

struct plan *plan_new(void);
void plan_free(struct plan *p);		/* NULL is fine */

/* Append a step, which the plan owns; the pointer is valid until the next one.
 * The step's bit is PLAN_BIT(plan->n_steps - 1). */
struct plan_step *plan_step(struct plan *p, enum plan_step_kind kind, enum session_role role,
                            uint64_t after, const char *title);
#define PLAN_BIT(i) (UINT64_C(1) << (i))

/* Append a file to a step; path and source are copied, text is taken over. */
struct plan_file *plan_file(struct plan_step *s, enum plan_file_kind kind, const char *path,
                            unsigned mode, unsigned owner);

/* The steps as lines ("12  create agent  after 1,4"), and the whole as JSON. */
void plan_text(struct buf *b, const struct plan *p);
void plan_json(struct buf *b, const struct plan *p);

#endif
