/* One client, from its opening packet to the end. */
#include "serve.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "gate.h"
#include "proto.h"
#include "relay.h"
#include "repo.h"
#include "run.h"
#include "spool.h"
#include "util.h"
#include "verdict.h"

#define OPENING_MS 10000
#define IDLE_S 300
#define LINGER_MS 2000

struct talk {
	const struct connection *c;
	struct request request;
	const struct gate_repo *repo;
	int lock;
	int64_t start;
	char id[17];
};

_Noreturn static void refuse(const struct connection *c, const char *message)
{
	struct pollfd p = { .fd = c->sock, .events = POLLIN };
	struct buf packet = BUF_INIT(4096);
	int64_t until = now_ms() + LINGER_MS;
	char scrap[4096];

	pkt_error(&packet, message);
	fd_write(c->sock, packet.data, packet.len);
	/* Closing with its bytes unread would reset the connection, and the message
	 * with it. */
	shutdown(c->sock, SHUT_WR);
	while (poll(&p, 1, ms_left(until)) > 0 && read(c->sock, scrap, sizeof scrap) > 0)
		;
	exit(0);
}

static int read_all(int fd, char *out, size_t len, int64_t deadline)
{
	size_t at = 0;

	while (at < len) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		ssize_t n;

		if (poll(&p, 1, ms_left(deadline)) <= 0)
			return -1;
		n = read(fd, out + at, len - at);
		if (n <= 0 && !(n < 0 && errno == EINTR))
			return -1;
		at += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static void read_request(struct talk *t)
{
	int64_t deadline = t->start + OPENING_MS;
	char packet[REQUEST_MAX];
	struct err err;
	int len;

	if (read_all(t->c->sock, packet, 4, deadline) < 0)
		exit(0); /* a probe of the port, most likely */
	len = pkt_length(packet);
	if (len < 5 || len > REQUEST_MAX)
		refuse(t->c, "that is no git request");
	if (read_all(t->c->sock, packet, (size_t)len - 4, deadline) < 0)
		exit(0);
	if (request_parse(&t->request, packet, (size_t)len - 4, &err) < 0)
		refuse(t->c, err.msg);
	t->repo = config_find_path(t->c->config, t->request.path);
	if (!t->repo) {
		char *why = xasprintf("no such repository: %s", t->request.path);

		refuse(t->c, why);
	}
}

static void emit_fetch(const struct talk *t, const char *event, const char *reason,
                       const char *detail)
{
	struct verdict v = {
		.event = event,
		.repo = t->repo->name,
		.peer = t->c->peer,
		.service = service_name(t->request.service),
		.reason = reason,
		.detail = detail,
		.ms = now_ms() - t->start,
	};

	verdict_emit(t->c->verdict_fd, &v);
}

_Noreturn static void fetch_failed(const struct talk *t, const char *event, const char *reason,
                                   const char *detail)
{
	char *message = xasprintf("%s; refusing to serve stale data: %s", reason, t->request.path);

	emit_fetch(t, event, reason, detail);
	refuse(t->c, message);
}

/* Make the mirror current, or end here. */
static void refresh(struct talk *t)
{
	int timeout_s = t->c->config->fetch_timeout_s;
	enum trouble trouble = TROUBLE_OTHER;
	char *detail = NULL;
	struct err err;

	if (!t->repo->known_hosts)
		fetch_failed(t, "fetch.failed",
		             "no KnownHostKey for this upstream in the manifest, and the gate "
		             "trusts no key on first use",
		             NULL);
	t->lock = repo_lock_open(t->repo, &err);
	if (t->lock < 0)
		fetch_failed(t, "fetch.failed", "the gate has no lock", err.msg);
	if (repo_lock(t->lock, now_ms() + timeout_s * 1000LL) < 0)
		fetch_failed(t, "fetch.failed", "another fetch or push holds the repository", NULL);
	if (repo_refresh(t->repo, t->request.service == SERVICE_UPLOAD_PACK, timeout_s, &trouble,
	                 &detail) < 0)
		fetch_failed(t, trouble == TROUBLE_HOSTKEY ? "hostkey.changed" : "fetch.failed",
		             trouble_text(trouble), detail);
	emit_fetch(t, "fetch.ok", NULL, NULL);
}

_Noreturn static void upload_pack(const struct talk *t)
{
	char *dir = repo_dir(t->repo), *timeout = xasprintf("--timeout=%d", IDLE_S);

	close(t->lock);
	if (t->request.version)
		setenv("GIT_PROTOCOL", t->request.version == 2 ? "version=2" : "version=1", 1);
	if (dup2(t->c->sock, 0) < 0 || dup2(t->c->sock, 1) < 0)
		exit(1);
	execl(GATE_GIT, GATE_GIT, "upload-pack", "--strict", timeout, dir, (char *)NULL);
	fprintf(stderr, "git-gate: %s: %s\n", GATE_GIT, strerror(errno));
	exit(1);
}

static char *scratch_dir(const struct talk *t)
{
	return xasprintf(GATE_SCRATCH "/%s", t->id);
}

static bool has_mark(const struct talk *t, const char *name)
{
	char *path = xasprintf(GATE_SCRATCH "/%s/%s", t->id, name);
	bool has = access(path, F_OK) == 0;

	free(path);
	return has;
}

/* Start receive-pack with our ends of its pipes in r. */
static pid_t start_receive_pack(const struct talk *t, struct relay *r, struct err *err)
{
	char *dir = repo_dir(t->repo), *started = xasprintf("%lld", (long long)t->start);
	const char *const argv[] = { GATE_GIT, "receive-pack", dir, NULL };
	int in[2], out[2], said[2];
	struct command c = { .argv = argv,
		             .more = { { t->c->verdict_fd, VERDICT_FD }, { t->lock, LOCK_FD } } };
	pid_t pid;

	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0 || pipe2(said, O_CLOEXEC) < 0)
		return err_set(err, "pipe: %s", strerror(errno));
	setenv(ENV_PUSH, t->id, 1);
	setenv(ENV_PEER, t->c->peer, 1);
	setenv(ENV_START, started, 1);
	c.in = in[0];
	c.out = out[1];
	c.err = said[1];
	pid = run_start(&c, err);
	close(in[0]);
	close(out[1]);
	close(said[1]);
	r->to = in[1];
	r->from = out[0];
	r->said = said[0];
	fcntl(r->to, F_SETFL, O_NONBLOCK);
	fcntl(r->from, F_SETFL, O_NONBLOCK);
	fcntl(r->said, F_SETFL, O_NONBLOCK);
	free(dir);
	free(started);
	return pid;
}

static void on_gone(void *arg)
{
	const struct talk *t = arg;
	char *path = xasprintf(GATE_SCRATCH "/%s/" CLIENT_GONE, t->id);

	file_write(path, "", 0, NULL);
	free(path);
}

/* A push that the hook gave no verdict on gets one here. */
static void emit_unheard(const struct talk *t, const struct relay *r, int status)
{
	static const char cut_off[] = "cut off after the scan, before the upstream had answered";
	struct ref_updates refs = { 0 };
	char *detail = trouble_detail(buf_str(&r->tail));
	char *reason = NULL;
	struct verdict v = {
		.event = "push.failed",
		.repo = t->repo->name,
		.peer = t->c->peer,
		.id = t->id,
		.refs = &refs,
		.is_unscanned = true,
		.detail = detail,
		.total_ms = now_ms() - t->start,
	};

	if ((commands_parse(&refs, buf_str(&r->head), r->head.len) == 1 && refs.n == 0) ||
	    r->head.len == 0)
		goto out; /* there was nothing to push */
	if (spool_close(GATE_SPOOL, t->id, "failed", cut_off)) {
		reason = xasprintf("%s", cut_off);
	} else if (has_mark(t, HOOK_STARTED)) {
		v.event = "scan.error";
		reason = xasprintf("the scan was cut off");
	} else if (r->received > (uint64_t)t->c->config->max_push_bytes) {
		v.event = "push.oversize";
		reason = xasprintf("larger than the limit of %lld bytes",
		                   (long long)t->c->config->max_push_bytes);
	} else if (r->is_idle) {
		reason = xasprintf("the client went silent");
	} else if (status != 0) {
		reason = xasprintf("the client went away, or git cannot read its pack");
	} else {
		reason = xasprintf("git refused the objects before they could be scanned");
	}
	v.reason = reason;
	verdict_emit(t->c->verdict_fd, &v);
out:
	ref_updates_done(&refs);
	free(reason);
	free(detail);
}

_Noreturn static void receive_pack(struct talk *t)
{
	struct relay r = { .sock = t->c->sock, .idle_ms = IDLE_S * 1000LL };
	char *scratch = scratch_dir(t);
	struct err err = { { 0 } };
	int status = 0;
	pid_t pid;

	repo_lock_release(t->lock);
	r.head.max = RELAY_HEAD;
	r.tail.max = 4096;
	r.on_gone = on_gone;
	r.arg = t;
	r.most = (uint64_t)t->c->config->max_push_bytes * 4;
	signal(SIGPIPE, SIG_IGN);
	fcntl(r.sock, F_SETFL, O_NONBLOCK);
	if (mkdir(scratch, 0700) < 0)
		fetch_failed(t, "push.failed", "the gate has no scratch space", strerror(errno));
	pid = start_receive_pack(t, &r, &err);
	if (pid < 0) {
		dir_remove(scratch);
		fetch_failed(t, "push.failed", "the gate cannot run git", err.msg);
	}
	relay_run(&r);
	/* Whatever it still does after closing its outputs, it has a moment to end. */
	if (run_wait(pid, now_ms() + 10000, &status) < 0)
		status = -1;
	if (!has_mark(t, VERDICT_GIVEN))
		emit_unheard(t, &r, status);
	dir_remove(scratch);
	exit(0);
}

_Noreturn void connection_serve(const struct connection *c)
{
	struct talk t = { .c = c, .start = now_ms(), .lock = -1 };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	random_hex(t.id, 8);
	read_request(&t);
	repo_environment(c->config, t.repo);
	refresh(&t);
	if (t.request.service == SERVICE_UPLOAD_PACK)
		upload_pack(&t);
	receive_pack(&t);
}
