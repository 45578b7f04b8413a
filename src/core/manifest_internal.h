/* What the files of the manifest's reader share; nobody else includes it. */
#ifndef CORE_MANIFEST_INTERNAL_H
#define CORE_MANIFEST_INTERNAL_H

#include "core/json.h"
#include "core/manifest.h"
#include "core/nearest.h"

#define MANIFEST_ENV_MAX	256
#define MANIFEST_GIT_MAX	64
#define MANIFEST_LITERAL_MAX	((size_t)32 << 10)	/* bytes of one literal */
#define MANIFEST_LITERALS_MAX	((size_t)256 << 10)	/* of all of a bottle */
#define MANIFEST_PROMPT_MAX	((size_t)256 << 10)
#define MANIFEST_PATH_MAX	4096

/* One file being read. */
struct reader {
	struct faults *faults;
	const struct manifest_env *env;
	const struct manifest_source *source;
	const struct json_doc *doc;
	unsigned file;
};

/* A bottle between its file and its resolved form. */
struct bottle_draft {
	const struct reader *r;
	const struct json_node *node;
	struct bottle_spec *spec;	/* its own values, then everything */
	bool has_dlp_action, has_memory, has_cpus, has_pids, has_osc52;
	enum { DRAFT_READ, DRAFT_IN_WORK, DRAFT_DONE } state;
};

/* --- manifest_util.c: what every part needs ------------------------------------- */

/* Is node of this type? Otherwise a fault says so. */
bool reader_expect(const struct reader *r, const struct json_node *node, enum json_type type);

/* A fault for each key that is not in known, with the nearest one as a hint.
 * legacy may be NULL; it holds pairs of key and what to do instead. */
void reader_keys(const struct reader *r, const struct json_node *object, const char *const *known,
                 const char *const (*legacy)[2]);

/* The member if it is there and of this type, else NULL; a fault for another type. */
const struct json_node *reader_member(const struct reader *r, const struct json_node *object,
                                      const char *key, enum json_type type);
/* Likewise, and a fault when it is missing or an empty string. NULL then. */
const char *reader_required(const struct reader *r, const struct json_node *object,
                            const char *key, const char *what);

/* Index of the string in words (which end in NULL), or -1 and a fault. */
int reader_word(const struct reader *r, const struct json_node *node, const char *const *words);

/* An array's elements, each a string that check() accepts (it may rewrite text by
 * putting another one in *out, owned); repetitions are a fault. */
void reader_strings(const struct reader *r, const struct json_node *array, char ***list,
                    int (*check)(const struct reader *r, const struct json_node *node,
                                 char **out));

/* An owned absolute path without "." and double slashes; "~" is expanded, and a
 * relative path starts from base. NULL and a fault when that cannot be. */
char *reader_path(const struct reader *r, const struct json_node *node, const char *text,
                  const char *base);

/* A path that must be there. For a project's file it must lie inside its folder, by
 * real path. While the file is not trusted only the text is looked at. */
char *reader_path_here(const struct reader *r, const struct json_node *node, const char *text,
                       const char *base, enum manifest_path kind);


bool is_dns_label(const char *s, size_t max);
/* Would showing it on a terminal do more than show it? */
bool has_control(const char *s);
/* First character [A-Za-z0-9], then those and ._- */
bool is_plain_name(const char *s, size_t max);

/* Does an error lie in this entry so far? When faults of its file were dropped, no
 * entry of that file is known to be sound. */
bool entry_is_broken(const struct faults *faults, const struct manifest_where *w);

/* The keys that each object may have; they end in NULL. The schema's test compares. */
extern const char *const manifest_keys[], *const bottle_keys[], *const git_keys[],
	*const egress_keys[], *const limits_keys[], *const terminal_keys[], *const agent_keys[],
	*const prompt_keys[], *const workspace_keys[];

/* --- the parts -------------------------------------------------------------------- */

void bottle_read(struct bottle_draft *d);			/* manifest_bottle.c */
void bottle_egress(struct bottle_draft *d, const struct json_node *egress); /* manifest_egress.c */
void bottle_git(struct bottle_draft *d, const struct json_node *git);	/* manifest_git.c */
void git_remote_copy(struct git_remote *to, const struct git_remote *from);
void git_remote_done(struct git_remote *g);

/* manifest_merge.c: fold "extends" in, put the defaults in force, and check what
 * only the whole can show. */
void bottles_resolve(struct bottle_draft *drafts, size_t n);
void bottle_done(struct bottle_spec *b);

void agent_read(const struct reader *r, const struct json_node *node, struct agent_spec *a);
/* Find its bottle among the drafts and check what depends on it. */
void agent_resolve(const struct reader *r, const struct json_node *node, struct agent_spec *a,
                   const struct bottle_draft *drafts, size_t n);
void agent_done(struct agent_spec *a);

#endif
