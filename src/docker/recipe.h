/* How one of our images is made: its Dockerfile, what that takes in, and a hash
 * over all of it, which becomes the image's tag. So a changed input means a new image,
 * and an image that is there under its tag needs no work.
 *
 * What an image takes in is read from its Dockerfile, so that a new image is
 * only a new folder. The few rules that Dockerfiles of ours keep to:
 *   - ARG NAME: a value of that name from "versions" counts and is passed in;
 *   - ARG BASE and ARG BUILDER name the image made before this one;
 *   - COPY (without --from) SOURCE... DEST: paths in the context, files or
 *     whole folders, no patterns, not the JSON form. The context has images/,
 *     sidecar/ and ca-bundle.crt.
 *
 * The host's CA bundle counts for the image that copies it (the builder), not
 * for those that stand on it: a certificate that the host took up makes only the
 * builder stale.
 */
#ifndef DOCKER_RECIPE_H
#define DOCKER_RECIPE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/hash.h"

struct buf;
struct err;
struct versions;

#define CONTEXT_MAX	 (16u << 20)	/* bytes of the whole context */
#define CONTEXT_CA	 "ca-bundle.crt"

/* The build context, read once: a list of files, sorted by path. */
struct context_file {
	char *path;		/* in the context: "images/base/Dockerfile" */
	unsigned mode;		/* 0644 or 0755 */
	char *data;
	size_t len;
};

struct context {
	struct context_file *files;
	size_t n;
	size_t bytes;
};

/* Add the files below folder as NAME/...; links and what is no file are refused,
 * names that begin with '.' are left out. */
int context_add_folder(struct context *c, const char *name, const char *folder, struct err *err);

/* Add one file; takes no ownership. */
int context_add_file(struct context *c, const char *path, unsigned mode, const void *data,
                     size_t len, struct err *err);

const struct context_file *context_find(const struct context *c, const char *path);

/* The archive for POST /build, appended to out. The same files give the same bytes. */
int context_tar(const struct context *c, struct buf *out, struct err *err);

void context_done(struct context *c);		/* NULL is fine */

struct recipe {
	char *name;			/* "agent": images/agent/Dockerfile */
	char *dockerfile;		/* its path in the context */
	char **args;			/* names of its ARGs, NULL-terminated */
	char **sources;			/* what COPY takes of the context; NULL-terminated */
	bool needs_base, needs_builder;
	char hash[HASH_HEX_SIZE];	/* of all inputs; its first 12 digits are the tag */
	char plain_hash[HASH_HEX_SIZE];	/* without the CA bundle: for images on it */
};

/* Read the recipe of an image. base and builder are the recipes of those images,
 * NULL where the image may not need them. Fails (ERR_INPUT) on a Dockerfile that
 * breaks the rules above or copies what is not there. */
int recipe_read(struct recipe *out, const struct context *c, const char *name,
                const struct versions *v, const struct recipe *base,
                const struct recipe *builder, struct err *err);

void recipe_done(struct recipe *r);		/* NULL is fine */

#endif
