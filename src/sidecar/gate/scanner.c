#include "scanner.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gate.h"
#include "run.h"
#include "text.h"

#define FOUND_CODE 42
#define FOUND_CODE_TEXT "42"
#define REPORT_MAX (32U << 20)
#define WRITE_BLOCK 65536

static char *file_of(const struct scanner *s, const char *suffix)
{
	return xasprintf("%s/%s%s", s->scratch, s->name, suffix);
}

/* Never: --max-target-megabytes, which skips what is larger without a word. */
static int start(struct scanner *s, const char *verb, const char *target, int stream_end,
                 struct err *err)
{
	char *report = file_of(s, ".json"), *log = file_of(s, ".log");
	char *tmp = xasprintf("TMPDIR=%s", s->scratch);
	const char *const argv[] = { GATE_GITLEAKS,
		                     verb,
		                     "--no-banner",
		                     "--no-color",
		                     "--log-level",
		                     "warn",
		                     "--exit-code",
		                     FOUND_CODE_TEXT,
		                     "--config",
		                     GATE_RULES,
		                     "--ignore-gitleaks-allow",
		                     "--gitleaks-ignore-path",
		                     "/nonexistent",
		                     "--max-decode-depth",
		                     "5",
		                     "--max-archive-depth",
		                     "4",
		                     "--report-format",
		                     "json",
		                     "--report-path",
		                     report,
		                     target,
		                     NULL };
	const char *const env[] = { "PATH=" GATE_LIB "/scan-path",
		                    "HOME=/nonexistent",
		                    tmp,
		                    "LC_ALL=C.UTF-8",
		                    "TZ=UTC",
		                    "GOMEMLIMIT=384MiB",
		                    NULL };
	struct command c = { .argv = argv, .env = env, .dir = "/" };
	int fd = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0) {
		err_set(err, "%s: %s", log, strerror(errno));
	} else {
		c.err = fd;
		if (stream_end >= 0) {
			c.more[0][0] = stream_end;
			c.more[0][1] = STREAM_FD;
		}
		s->pid = run_start(&c, err);
		close(fd);
	}
	free(report);
	free(log);
	free(tmp);
	return s->pid > 0 ? 0 : -1;
}

int scanner_start_stream(struct scanner *s, struct err *err)
{
	int ends[2], rc;

	s->waiting.max = 4 * WRITE_BLOCK;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_set(err, "pipe: %s", strerror(errno));
	fcntl(ends[1], F_SETFL, O_NONBLOCK);
	rc = start(s, "git", "/", ends[0], err);
	close(ends[0]);
	s->pipe = ends[1];
	return rc;
}

int scanner_start_files(struct scanner *s, const char *dir, struct err *err)
{
	s->pipe = -1;
	return start(s, "dir", dir, -1, err);
}

static int flush(struct scanner *s)
{
	struct pollfd p = { .fd = s->pipe, .events = POLLOUT };

	while (s->waiting.len > 0) {
		ssize_t n = write(s->pipe, s->waiting.data, s->waiting.len);

		if (n > 0)
			buf_consume(&s->waiting, (size_t)n);
		else if (n < 0 && errno == EAGAIN && now_ms() < s->deadline)
			poll(&p, 1, ms_left(s->deadline));
		else if (!(n < 0 && errno == EINTR))
			return -1;
	}
	return 0;
}

int scanner_write(void *ctx, const char *data, size_t len)
{
	struct scanner *s = ctx;

	while (len > 0) {
		size_t n = len < WRITE_BLOCK ? len : WRITE_BLOCK;

		buf_add(&s->waiting, data, n);
		data += n;
		len -= n;
		if (s->waiting.len >= WRITE_BLOCK && flush(s) < 0)
			return -1;
	}
	return 0;
}

void scanner_stop(struct scanner *s)
{
	if (s->pid > 0)
		run_kill(s->pid);
	s->pid = 0;
	if (s->pipe >= 0)
		close(s->pipe);
	s->pipe = -1;
	buf_done(&s->waiting);
}

/* At this level it says how many it found, and else only what went wrong. */
static int check_log(const struct scanner *s, struct err *err)
{
	char *path = file_of(s, ".log");
	struct buf log = BUF_INIT(1U << 20);
	int rc = file_read(&log, path, err);

	for (const char *p = buf_str(&log); rc == 0 && *p;) {
		size_t len = strcspn(p, "\n");

		if (len && !memmem(p, len, "WRN leaks found: ", 17)) {
			char *line = text_clean_dup(p, len, 200);

			rc = err_set(err, "gitleaks: %s", line);
			free(line);
		}
		p += len + (p[len] == '\n');
	}
	buf_done(&log);
	free(path);
	return rc;
}

static int read_report(const struct scanner *s,
                       int (*on_finding)(void *ctx, const struct raw_finding *f), void *ctx,
                       struct err *err)
{
	char *path = file_of(s, ".json");
	struct buf json = BUF_INIT(REPORT_MAX);
	int rc = file_read(&json, path, err);

	if (rc == 0)
		rc = report_read(buf_str(&json), on_finding, ctx, err);
	if (json.data)
		explicit_bzero(json.data, json.len);
	buf_done(&json);
	unlink(path);
	free(path);
	return rc;
}

int scanner_finish(struct scanner *s, int (*on_finding)(void *ctx, const struct raw_finding *f),
                   void *ctx, struct err *err)
{
	int status = 0, rc;

	if (s->pipe >= 0) {
		(void)flush(s); /* when it has gone, its exit says why */
		close(s->pipe);
		s->pipe = -1;
	}
	rc = run_wait(s->pid, s->deadline, &status);
	s->pid = 0;
	buf_done(&s->waiting);
	if (rc < 0)
		return err_set(err, "took too long");
	if (check_log(s, err) < 0)
		return -1;
	if (!WIFEXITED(status))
		return err_set(err, "gitleaks was ended by signal %d", WTERMSIG(status));
	if (WEXITSTATUS(status) != FOUND_CODE)
		return err_set(err, "gitleaks exited with %d", WEXITSTATUS(status));
	return read_report(s, on_finding, ctx, err);
}
