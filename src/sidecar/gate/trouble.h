/* What ails the upstream, told from what git and ssh print about it.
 *
 * "Down" and "somebody else answers with another key" must never look alike to
 * the person who reads it, and ssh's exit code (255) is the same for both.
 */
#ifndef GATE_TROUBLE_H
#define GATE_TROUBLE_H

enum trouble {
	TROUBLE_HOSTKEY, /* the host's key is not the pinned one */
	TROUBLE_DENIED,  /* our key was not accepted */
	TROUBLE_UNREACHABLE,
	TROUBLE_NO_REPO,
	TROUBLE_OTHER,
};

/* Classify the stderr of git over ssh. Lines that the far side sent ("remote: ")
 * do not count. */
enum trouble trouble_of(const char *stderr_text);

/* "upstream unreachable" and so on. */
const char *trouble_text(enum trouble t);

/* The lines of git's and ssh's stderr that say why, for a verdict's detail: the
 * first ones that are neither ssh's ornament nor git's closing advice. Returns
 * a cleaned text of one line; the caller frees it. */
char *trouble_detail(const char *stderr_text);

#endif
