/* The inside of docker/images.h, shared by images.c and images_build.c alone. */
#ifndef DOCKER_IMAGES_SET_H
#define DOCKER_IMAGES_SET_H

#include <stdbool.h>
#include <stddef.h>

#include "docker/recipe.h"
#include "docker/versions.h"

#define IMAGES_MAX 32

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

/* CLAUDE_BOTTLE_GIT_GATE_IMAGE for "git-gate"; the caller frees it. */
char *images_env_name(const char *name);

#endif
