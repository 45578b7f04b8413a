/* The inside of docker/images.h, shared by images*.c and their tests alone. */
#ifndef DOCKER_IMAGES_SET_H
#define DOCKER_IMAGES_SET_H

#include <stdbool.h>
#include <stddef.h>

#include "docker/names.h"
#include "docker/recipe.h"
#include "docker/versions.h"

#define IMAGES_MAX 32

#define LABEL_IMAGE  LABEL_PREFIX "image"
#define LABEL_INPUTS LABEL_PREFIX "inputs"

/* Places in the list; the rest follow in the order of their names. */
enum { IMAGE_ROOT, IMAGE_BASE, IMAGE_BUILDER, IMAGE_FIRST_OTHER };

struct image {
	char *name;
	char *ref;		/* what a launch uses */
	bool is_named;		/* by the environment */
	struct recipe recipe;	/* of "debian": only its hash */
};

struct images {
	struct context context;
	struct versions versions;
	char *repo;		/* "claude-bottle" */
	struct image list[IMAGES_MAX];
	size_t n;
};

/* Is the i-th one needed by a launch? The others serve to build these, or the demo. */
bool images_is_launched(const struct images *im, size_t i);

/* CLAUDE_BOTTLE_GIT_GATE_IMAGE for "git-gate"; the caller frees it. */
char *images_env_name(const char *name);

/* Append the request that builds image i, with its build arguments. */
void images_build_path(struct buf *b, const struct images *im, size_t i, bool is_fresh);

/* Append "&key=value", escaped. */
void images_add_query(struct buf *b, const char *key, const char *value);

/* What image i is pulled as: the pinned digest, else the tag where a tag is good
 * enough (Debian's own; never the proxy that everything rests on). The caller
 * frees it; NULL when it is not to be pulled. */
char *images_pull_ref(const struct images *im, size_t i);

/* "module@version" of image i's ARG NAME_MODULE; NULL when it has none. The
 * caller frees it. */
char *images_go_module(const struct images *im, size_t i);

#endif
