/* One run of gitleaks. */
#ifndef GATE_SCANNER_H
#define GATE_SCANNER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "report.h"
#include "util.h"

struct scanner {
	const char *scratch;
	const char *name; /* of this run: its report and log are called so */
	int64_t deadline;
	pid_t pid;
	int pipe;           /* of a stream run: our end, or -1 */
	struct buf waiting; /* not yet in the pipe */
};

/* Start a run over the stream that scanner_write() is given. */
int scanner_start_stream(struct scanner *s, struct err *err);

/* Start a run over the files in a folder, archives opened. */
int scanner_start_files(struct scanner *s, const char *dir, struct err *err);

/* For struct stream. Returns -1 when the scanner has gone or time is up. */
int scanner_write(void *ctx, const char *data, size_t len);

/* Send the rest, wait for the end, and give each finding to on_finding. Returns 0
 * when the run was sound as far as its exit code and log can tell; else -1. It is
 * over in either case. */
int scanner_finish(struct scanner *s, int (*on_finding)(void *ctx, const struct raw_finding *f),
                   void *ctx, struct err *err);

/* End it without a result; a run that is over is fine. */
void scanner_stop(struct scanner *s);

#endif
