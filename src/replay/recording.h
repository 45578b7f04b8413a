/* Recordings: a fleet's life as JSON lines; docs/replay.md has the format.
 *
 * A recording is read once, checked whole, and never changed afterwards. It may
 * have come from anywhere: names must be names, sizes are capped, text stays
 * hostile until it is shown (core/text) or fed to a terminal (core/vt). Whatever
 * is wrong with it is a fault with its line.
 */
#ifndef REPLAY_RECORDING_H
#define REPLAY_RECORDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/event.h"
#include "core/faults.h"
#include "core/push.h"
#include "core/session.h"

#define RECORDING_BYTES_MAX   ((size_t)64 << 20)
#define RECORDING_LINE_MAX    ((size_t)1 << 20)
#define RECORDING_ENTRIES_MAX 200000
#define RECORDING_MS_MAX      (7ll * 24 * 3600 * 1000)
#define RECORDING_LAUNCH_MAX  60000	/* ms that a launch may take */

enum recording_kind {
	RECORDING_SESSION,	/* a session is as .session says from now on */
	RECORDING_GONE,		/* nothing is left of session .name */
	RECORDING_EVENT,
	RECORDING_PUSH,		/* the gate of session .name has this record of a push */
	RECORDING_TERMINAL,	/* session .name wrote .data */
	RECORDING_LAUNCH,	/* what a launch of agent .name will be like */
	RECORDING_ENGINE,	/* the engine went away (.text says why), or came back */
};

struct recording_session {
	char bottle[MANIFEST_NAME_MAX + 1];
	char agent[MANIFEST_NAME_MAX + 1];
	enum session_state state;
	bool is_frozen;
	char color[SESSION_COLOR_SIZE];
	int exit_code;		/* -1 when it has not ended */
	int64_t created;	/* Unix time, as it was when it was recorded */
	int64_t released_ns;	/* 0: never */
	struct isolation_result isolation;
};

struct recording_launch {
	unsigned ms;
	char *fails;		/* why the launch fails; NULL when it does not */
	struct isolation_result isolation;
	struct recording_entry *then;	/* timed from when the agent runs */
	size_t n_then;
};

struct recording_entry {
	int64_t t_ms;
	enum recording_kind kind;
	char name[MANIFEST_NAME_MAX + 1];
	union {
		struct recording_session session;
		struct event event;
		struct push push;
		struct {
			char *data;
			size_t len;
		};
		struct recording_launch launch;
		struct {
			char *text;	/* NULL: it answers again */
		} engine;
	};
};

struct recording {
	char *engine;		/* "docker 20.10.24 unix"; safe to show */
	int64_t start_ns;	/* when t was 0, CLOCK_REALTIME */
	struct recording_entry *v;	/* in the order of t_ms */
	size_t n;
};

/* Read a recording. NULL when anything is wrong with it: see faults. path is for
 * the faults alone. */
struct recording *recording_parse(const char *data, size_t len, const char *path,
                                  struct faults *faults);
void recording_free(struct recording *r);	/* NULL is fine */

#endif
