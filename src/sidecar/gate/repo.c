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
