/* Our images: which there are, what they are called, and whether they are there.
 *
 * The tag of an image is the first 12 digits of a hash over everything that goes
 * into it (docker/recipe.h): "claude-bottle/agent:1f0c5e2a77b3". A launch uses
 * exactly that reference, so a changed Dockerfile or version is never run by a
 * stale image. "latest" moves along with each build, for people's own Dockerfiles.
 *
 * There is one image for each folder of images/, and "debian", the root that base
 * stands on: pulled where a registry answers, else made by debootstrap.
 *
 * Environment:
 *   CLAUDE_BOTTLE_DATADIR		where images/ and sidecar/ are (docker/datadir.h)
 *   CLAUDE_BOTTLE_NAME_IMAGE		a reference to use instead of image NAME
 *					("PIPELOCK", "GIT_GATE"): never built or checked by us
 *   CLAUDE_BOTTLE_CA_BUNDLE		the CA bundle that builds trust, instead of the
 *					host's; empty for none
 *   CLAUDE_BOTTLE_IMAGE_REPO		instead of "claude-bottle"
 */
#ifndef DOCKER_IMAGES_H
#define DOCKER_IMAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct engine;
struct err;
struct images;

enum image_state {
	IMAGE_MISSING,
	IMAGE_STALE,		/* only images of other inputs are there */
	IMAGE_CURRENT,
};

struct image_info {
	char *name;
	char *ref;		/* what a launch uses */
	bool is_named;		/* by CLAUDE_BOTTLE_NAME_IMAGE: missing or current */
	bool is_needed;		/* by a launch; others serve to build these, or the demo */
	enum image_state state;
	uint64_t size;		/* in bytes; 0 when missing. When stale that of the newest */
	int64_t created;	/* in seconds; 0 when missing */
};

/* Read the recipes and make the references. Touches no engine. */
int images_load(struct images **out, struct err *err);
void images_free(struct images *im);		/* NULL is fine */

/* The reference that a launch uses for image name; NULL when there is no such
 * image. Belongs to im. */
const char *images_ref(const struct images *im, const char *name);

/* Ask the engine what is there: one request, waited for. The list has every
 * image in building order and is freed with images_info_free(). */
int images_list(const struct images *im, struct engine *e, struct image_info **out, size_t *n,
                struct err *err);
void images_info_free(struct image_info *list, size_t n);

/* --- building and pulling ------------------------------------------------------ */

enum images_line {
	IMAGES_BEGIN,	/* "building", "pulling debian:trixie-slim" */
	IMAGES_STEP,	/* a step that is really done, not taken from the cache */
	IMAGES_OUTPUT,	/* a line that a step's program wrote */
	IMAGES_PROGRESS,/* layers of a pull: many, of the moment */
	IMAGES_NOTE,	/* a decision: "... cannot be pulled (...): building it here" */
	IMAGES_END,	/* "built in 12.3 s, 734 MB" */
	IMAGES_FAILED,	/* the whole message */
};

struct images_watch {
	/* text has passed the sanitiser. */
	void (*on_line)(void *arg, const char *image, enum images_line kind, const char *text);
	/* Called once, from the loop; err is NULL when all went well. The job is gone then. */
	void (*on_done)(void *arg, const struct err *err);
};

#define IMAGES_FRESH	 1u	/* make them again, from today's packages, current or not */
#define IMAGES_PULL_ONLY 2u	/* pull what can be pulled, build nothing */

struct images_job;

/* Bring images up to date: names (NULL-terminated; NULL: all that a launch needs) and
 * what they are built on, one after the other. What is current is left alone.
 * An image that fails does not keep the others from being made; the first failure is
 * what on_done gets. im, e and watch are borrowed until then. Fails on an unknown
 * name (ERR_INPUT) and when the engine cannot be asked what is there. */
int images_build(struct images_job **out, struct images *im, struct engine *e,
                 char *const *names, unsigned flags, const struct images_watch *watch, void *arg,
                 struct err *err);

/* Give up: what runs is stopped, here and in the engine, and on_done is not called. */
void images_cancel(struct images_job *job);	/* NULL is fine */

#endif
