/* Where our own files are: images/ (Dockerfiles, versions) and sidecar/ (the
 * sources of what runs in containers).
 *
 * In this order: $CLAUDE_BOTTLE_DATADIR, which holds both; the source tree, when
 * the program runs from its build/ or build/san/; the place it was installed to.
 */
#ifndef DOCKER_DATADIR_H
#define DOCKER_DATADIR_H

struct err;

struct datadir {
	char *images;	/* folder with a folder for each image, and "versions" */
	char *sidecar;	/* folder with bottle/ and gate/ */
};

/* override: as $CLAUDE_BOTTLE_DATADIR, NULL or "" for none. exe: path of the
 * program, NULL takes /proc/self/exe. Fails (ERR_FAILED) when none of the places
 * has images/versions, and names them. */
int datadir_find(struct datadir *out, const char *override, const char *exe, struct err *err);

void datadir_done(struct datadir *d);	/* NULL is fine */

#endif
