#include "repo.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "gate.h"
#include "proto.h"
#include "run.h"
#include "util.h"

/* Nothing in a repository of the gate's is configured by anybody else:
 * hooks are the image's, attributes are the empty tree's (so no ".gitattributes"
 * calls a text binary), what is pushed is checked, nothing is ever collected. */
static const char settings[] = "[core]\n"
			       "\trepositoryformatversion = 0\n"
			       "\tbare = true\n"
			       "\tfilemode = true\n"
			       "\tlogAllRefUpdates = false\n"
			       "\thooksPath = " GATE_LIB "/hooks\n"
			       "\tattributesFile = /dev/null\n"
			       "\tuseReplaceRefs = false\n"
			       "[attr]\n"
			       "\ttree = 4b825dc642cb6eb9a060e54bf8d69288fbee4904\n"
			       "[receive]\n"
			       "\tfsckObjects = true\n"
			       "\tshallowUpdate = false\n"
			       "\tautogc = false\n"
			       "\tdenyDeleteCurrent = ignore\n"
			       "[uploadpack]\n"
			       "\tallowFilter = true\n"
			       "[gc]\n"
			       "\tauto = 0\n"
			       "[maintenance]\n"
			       "\tauto = false\n";

char *repo_dir(const struct gate_repo *repo)
{
	return xasprintf(GATE_REPOS "/%s.git", repo->path);
}

static int nothing(void *ctx, const char *data, size_t len, struct err *err)
{
	(void)ctx, (void)data, (void)len, (void)err;
	return 0;
}

int repo_prepare(const struct gate_config *c, const struct gate_repo *repo, struct err *err)
{
	char *dir = repo_dir(repo), *file = xasprintf("%s/config", dir);
	const char *const argv[] = { GATE_GIT, "init",        "--quiet",
		                     "--bare", "--template=", "--initial-branch=main",
		                     "--",     dir,           NULL };
	struct command init = { .argv = argv };
	struct buf text = BUF_INIT(4096), why = BUF_INIT(400);
	struct err ended;
	int rc = -1;

	if (run_read(&init, nothing, NULL, &why, now_ms() + 30000, &ended) < 0) {
		err_set(err, "%s: %s: %.300s", dir, ended.msg, buf_str(&why));
		goto out;
	}
	buf_adds(&text, settings);
	buf_addf(&text, "[receive]\n\tmaxInputSize = %lld\n", (long long)c->max_push_bytes);
	rc = file_write(file, text.data, text.len, err);
out:
	buf_done(&text);
	buf_done(&why);
	free(file);
	free(dir);
	return rc;
}

void repo_environment(const struct gate_config *c, const struct gate_repo *repo)
{
	/* A shell reads this; key and known_hosts are plain words (config.c). */
	char *ssh = xasprintf(
		"exec /usr/bin/ssh -F none -i %s -o IdentitiesOnly=yes -o BatchMode=yes"
		" -o StrictHostKeyChecking=yes -o UserKnownHostsFile=%s"
		" -o GlobalKnownHostsFile=/dev/null -o UpdateHostKeys=no -o VerifyHostKeyDNS=no"
		" -o ForwardAgent=no -o ForwardX11=no -o ClearAllForwardings=yes"
		" -o PermitLocalCommand=no -o ConnectTimeout=%d -o ServerAliveInterval=5"
		" -o ServerAliveCountMax=2 -o LogLevel=ERROR",
		repo->key, repo->known_hosts ? repo->known_hosts : "/dev/null",
		c->connect_timeout_s);

	setenv("GIT_SSH_COMMAND", ssh, 1);
	setenv(ENV_REPO, repo->name, 1);
	free(ssh);
}

int repo_lock_open(const struct gate_repo *repo, struct err *err)
{
	char *path = xasprintf(GATE_LOCKS "/%s", repo->name);
	int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		err_set(err, "%s: %s", path, strerror(errno));
	free(path);
	return fd;
}

int repo_lock(int fd, int64_t deadline)
{
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if ((errno != EWOULDBLOCK && errno != EINTR) || now_ms() >= deadline)
			return -1;
		poll(NULL, 0, 20);
	}
	return 0;
}

void repo_lock_release(int fd)
{
	flock(fd, LOCK_UN);
}

/* Ask for the upstream's HEAD on a connection of its own beside the fetch's:
 * `git fetch` does not tell. The answer fits into the pipe. */
static pid_t ask_head(const struct gate_repo *repo, const char *dir, int *answer)
{
	const char *const argv[] = { GATE_GIT, "ls-remote", "--quiet", "--symref",
		                     "--",     repo->url,   "HEAD",    NULL };
	struct command ask = { .argv = argv, .dir = dir };
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	ask.out = ends[1];
	pid = run_start(&ask, NULL);
	close(ends[1]);
	*answer = ends[0];
	if (pid < 0)
		close(ends[0]);
	return pid;
}

static void follow_head(const char *dir, pid_t pid, int answer, int64_t deadline)
{
	char text[4096] = { 0 }, *end;
	const char *const argv[] = { GATE_GIT, "symbolic-ref", "HEAD", text + 5, NULL };
	struct command set = { .argv = argv, .dir = dir };
	int status = 1;

	if (run_wait(pid, deadline, &status) == 0 && status == 0 &&
	    read(answer, text, sizeof text - 1) > 0 && strncmp(text, "ref: refs/heads/", 16) == 0 &&
	    (end = strstr(text, "\tHEAD\n"))) {
		*end = '\0';
		run_read(&set, nothing, NULL, NULL, deadline, NULL);
	}
	close(answer);
}

int repo_refresh(const struct gate_repo *repo, bool with_head, int timeout_s, enum trouble *trouble,
                 char **detail)
{
	char *dir = repo_dir(repo);
	const char *const argv[] = { GATE_GIT,
		                     "fetch",
		                     "--quiet",
		                     "--progress",
		                     "--prune",
		                     "--no-auto-maintenance",
		                     "--no-write-fetch-head",
		                     "--no-tags",
		                     "--no-recurse-submodules",
		                     "--no-show-forced-updates",
		                     "--",
		                     repo->url,
		                     "+refs/heads/*:refs/heads/*",
		                     "+refs/tags/*:refs/tags/*",
		                     NULL };
	struct command fetch = { .argv = argv, .dir = dir, .quiet_s = timeout_s };
	struct buf said = BUF_INIT(16384);
	int answer = -1, rc;
	pid_t head = with_head ? ask_head(repo, dir, &answer) : -1;

	rc = run_read(&fetch, nothing, NULL, &said, now_ms() + timeout_s * 20000LL, NULL);
	if (rc < 0) {
		*trouble = rc == RUN_LATE ? TROUBLE_UNREACHABLE : trouble_of(buf_str(&said));
		*detail = rc == RUN_LATE ? xasprintf("no answer in time")
		                         : trouble_detail(buf_str(&said));
		if (head > 0) {
			run_kill(head);
			close(answer);
		}
	} else if (head > 0) {
		follow_head(dir, head, answer, now_ms() + 2000);
	}
	buf_done(&said);
	free(dir);
	return rc < 0 ? -1 : 0;
}

/* "ID REF" lines; a ref that is not there has the id of no object. */
static bool has_ref_at(const char *list, const char *ref, const char *id)
{
	size_t len = strlen(ref);

	for (const char *p = list; *p; p += *p == '\n') {
		size_t n = strcspn(p, "\n"), oid = strcspn(p, " ");

		if (n == oid + 1 + len && memcmp(p + oid + 1, ref, len) == 0)
			return oid == strlen(id) && memcmp(p, id, oid) == 0;
		p += n;
	}
	return oid_is_zero(id);
}

int repo_find_moved(const struct gate_repo *repo, const struct ref_updates *refs, bool *has_moved)
{
	const char **argv = xcalloc(refs->n + 4, sizeof *argv);
	char *dir = repo_dir(repo);
	struct command list = { .argv = argv, .dir = dir };
	struct buf text = BUF_INIT(64U << 20);
	int rc;

	argv[0] = GATE_GIT;
	argv[1] = "for-each-ref";
	argv[2] = "--format=%(objectname) %(refname)";
	for (size_t i = 0; i < refs->n; i++)
		argv[3 + i] = refs->v[i].ref;
	rc = run_read(&list, run_into_buf, &text, NULL, now_ms() + 30000, NULL);
	for (size_t i = 0; rc == 0 && i < refs->n; i++) {
		const struct ref_update *r = &refs->v[i];

		*has_moved |= !has_ref_at(buf_str(&text), r->ref, r->old) ||
		              (oid_is_zero(r->old) && oid_is_zero(r->new));
	}
	buf_done(&text);
	free(argv);
	free(dir);
	return rc < 0 ? -1 : 0;
}

int repo_refresh_quarantined(const struct gate_repo *repo, int timeout_s,
                             const struct ref_updates *refs, bool *has_moved, enum trouble *trouble,
                             char **detail)
{
	/* In there no ref may move, and what is fetched would go when the push does. */
	static const char *const names[] = { "GIT_QUARANTINE_PATH", "GIT_OBJECT_DIRECTORY",
		                             "GIT_ALTERNATE_OBJECT_DIRECTORIES" };
	char *values[sizeof names / sizeof *names];
	int rc;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const char *v = getenv(names[i]);

		values[i] = v ? xstrndup(v, strlen(v)) : NULL;
		unsetenv(names[i]);
	}
	rc = repo_refresh(repo, false, timeout_s, trouble, detail);
	if (rc == 0 && repo_find_moved(repo, refs, has_moved) < 0) {
		*detail = xasprintf("the gate cannot read its refs");
		rc = -1;
	}
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (values[i])
			setenv(names[i], values[i], 1);
		free(values[i]);
	}
	return rc;
}
