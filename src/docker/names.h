/* Names and labels of everything that we make in an engine.
 *
 * Labels, not names, say what is ours: a name can be taken by others. The
 * container's name is the lock on a session's name.
 */
#ifndef DOCKER_NAMES_H
#define DOCKER_NAMES_H

#define LABEL_PREFIX	"io.claude-bottle."
#define LABEL_SCHEMA	LABEL_PREFIX "schema"		/* NAMES_SCHEMA */
#define LABEL_INSTALL	LABEL_PREFIX "install"		/* which installation made it */
#define LABEL_AGENT	LABEL_PREFIX "agent"
#define LABEL_BOTTLE	LABEL_PREFIX "bottle"
#define LABEL_ROLE	LABEL_PREFIX "role"
#define LABEL_SESSION	LABEL_PREFIX "session"
#define LABEL_LAUNCH	LABEL_PREFIX "launch"		/* one launch attempt */
#define LABEL_COLOR	LABEL_PREFIX "color"		/* on a screen; or absent */
#define LABEL_DIGEST	LABEL_PREFIX "manifest-digest"
/* The session is of no use without the program that made it (core/lock_attended). */
#define LABEL_ATTENDED	LABEL_PREFIX "attended"
#define NAMES_SCHEMA	"1"

#endif
