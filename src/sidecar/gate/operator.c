#include "operator.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "accept.h"
#include "gate.h"
#include "hook.h"
#include "record.h"
#include "spool.h"
#include "util.h"
#include "verdict.h"

#define EXIT_REFUSED 5
#define LOOK_MS 50
#define TAKEN_MS 30000   /* a push that lives looks at its decision long before */
#define ENDED_MS 230000  /* claude-bottle waits a little longer */
#define BY_MAX 64
#define MESSAGE_MAX 500

static int fail(int code, const char *what)
{
	fprintf(stderr, "git-gate: %s\n", what);
	return code;
}

static int print(const char *text, size_t len)
{
	return fd_write(1, text, len) < 0 ? 1 : 0;
}

static int print_record(const cJSON *record, const char *id, bool with_diff)
{
	struct buf out = BUF_INIT(2U << 20);
	char *text = cJSON_PrintUnformatted(record);
	int rc;

	buf_adds(&out, text ? text : "");
	buf_addc(&out, '\n');
	if (with_diff)
		spool_read_diff(GATE_SPOOL, id, &out);
	rc = print(out.data, out.len);
	free(text);
	buf_done(&out);
	return rc;
}

/* --- looking ------------------------------------------------------------------------- */

static int show_all(void)
{
	struct buf ids = BUF_INIT(1U << 16);
	int rc = 0;

	spool_list(GATE_SPOOL, &ids);
	for (const char *p = buf_str(&ids); *p && rc == 0; p += 17) {
		char id[17];
		cJSON *record;

		memcpy(id, p, 16);
		id[16] = '\0';
		record = spool_read(GATE_SPOOL, id, NULL); /* it may have gone meanwhile */
		if (record)
			rc = print_record(record, id, false);
		cJSON_Delete(record);
	}
	buf_done(&ids);
	return rc;
}

static int show_one(const char *id)
{
	struct err err = { { 0 } };
	cJSON *record = spool_read(GATE_SPOOL, id, &err);
	int rc = record ? print_record(record, id, true) : fail(1, err.msg);

	cJSON_Delete(record);
	return rc;
}

/* --- approving and rejecting --------------------------------------------------------- */

static bool is_held(const cJSON *record)
{
	return strcmp(record_get(record, "state"), "held") == 0;
}

/* Did the person see what waits? */
static bool has_ids(const cJSON *record, char **ids, int n)
{
	const cJSON *refs = cJSON_GetObjectItemCaseSensitive(record, "refs"), *ref;
	int i = 0;

	if (cJSON_GetArraySize(refs) != n)
		return false;
	cJSON_ArrayForEach(ref, refs) if (strcmp(record_get(ref, "new"), ids[i++]) != 0)
		return false;
	return n > 0;
}

/* The push's own word on what became of it. */
static int await_end(const char *id)
{
	int64_t taken = now_ms() + TAKEN_MS, ended = now_ms() + ENDED_MS;

	for (;;) {
		struct err err = { { 0 } };
		cJSON *record = spool_read(GATE_SPOOL, id, &err);
		const char *state = record_get(record, "state");
		bool is_open = strcmp(state, "held") == 0 || strcmp(state, "forwarding") == 0;
		int rc = -1;

		if (!record) {
			rc = fail(1, err.msg);
		} else if (strcmp(state, "cancelled") == 0) {
			rc = fail(EXIT_REFUSED, "too late: the push's client went away");
		} else if (strcmp(state, "timed-out") == 0) {
			rc = fail(EXIT_REFUSED, "too late: the push's time was up");
		} else if (!is_open) {
			rc = print_record(record, id, false);
		} else if (is_held(record) && now_ms() >= taken) {
			cJSON_Delete(spool_take_decision(GATE_SPOOL, id));
			rc = fail(1, "the push does not look at its decision; it is taken back");
		} else if (now_ms() >= ended) {
			rc = fail(1, "the push is still on its way to the upstream");
		}
		cJSON_Delete(record);
		if (rc >= 0)
			return rc;
		poll(NULL, 0, LOOK_MS);
	}
}

static cJSON *new_decision(char **argv, int n)
{
	cJSON *o = cJSON_CreateObject(), *list;

	cJSON_AddStringToObject(o, "action", argv[1]);
	record_set(o, "by", argv[3], BY_MAX);
	/* lines are the person's; each is made safe where it is shown */
	cJSON_AddStringToObject(o, "message", argv[4]);
	list = cJSON_AddArrayToObject(o, "new");
	for (int i = 0; i < n; i++)
		cJSON_AddItemToArray(list, cJSON_CreateString(argv[5 + i]));
	return o;
}

static int decide(int argc, char **argv)
{
	const char *id = argv[2];
	struct err err = { { 0 } };
	cJSON *record, *decision;
	int rc;

	if (argc < 6 || argc > 5 + REFS_MAX || !argv[3][0] || strlen(argv[4]) > MESSAGE_MAX)
		return fail(2, "usage: git-gate approve|reject ID BY MESSAGE NEW...");
	record = spool_read(GATE_SPOOL, id, &err);
	if (!record)
		return fail(1, err.msg);
	if (!is_held(record)) {
		char *why = xasprintf("the push does not wait any more: it is %s",
		                      record_get(record, "state"));

		rc = fail(EXIT_REFUSED, why);
		free(why);
	} else if (!has_ids(record, argv + 5, argc - 5)) {
		rc = fail(EXIT_REFUSED, "what waits is not what was looked at: other ids");
	} else {
		decision = new_decision(argv, argc - 5);
		rc = spool_decide(GATE_SPOOL, id, decision, &err) < 0 ? fail(EXIT_REFUSED, err.msg)
		                                                      : await_end(id);
		cJSON_Delete(decision);
	}
	cJSON_Delete(record);
	return rc;
}

/* --- false alarms -------------------------------------------------------------------- */

static int tell_serve(const cJSON *event)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX, .sun_path = GATE_SOCKET };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc = -1;
	char *text = cJSON_PrintUnformatted(event);

	if (fd >= 0 && text && strlen(text) < VERDICT_MAX - 1 &&
	    sendto(fd, text, strlen(text), 0, (struct sockaddr *)&to, sizeof to) > 0)
		rc = 0;
	if (fd >= 0)
		close(fd);
	free(text);
	return rc;
}

/* The finding without what would make the line too long. */
static cJSON *short_finding(const cJSON *finding)
{
	cJSON *o = cJSON_Duplicate(finding, 1);

	record_set(o, "file", record_get(finding, "file"), 200);
	return o;
}

static cJSON *accepted_event(const cJSON *record, const cJSON *finding, const char *by,
                             const char *message)
{
	cJSON *o = cJSON_CreateObject(), *refs, *list;
	const cJSON *all = cJSON_GetObjectItemCaseSensitive(record, "refs"), *ref;
	struct buf ts = BUF_INIT(64);
	struct timespec t;
	int n = 0;

	clock_gettime(CLOCK_REALTIME, &t);
	record_time(&ts, (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000);
	cJSON_AddNumberToObject(o, "v", 1);
	cJSON_AddStringToObject(o, "ts", buf_str(&ts));
	cJSON_AddStringToObject(o, "event", "finding.accepted");
	cJSON_AddStringToObject(o, "repo", record_get(record, "repo"));
	cJSON_AddStringToObject(o, "id", record_get(record, "id"));
	record_set(o, "by", by, BY_MAX);
	record_set(o, "message", message, MESSAGE_MAX);
	refs = cJSON_AddArrayToObject(o, "refs");
	cJSON_ArrayForEach(ref, all) if (n++ < 4)
	{
		cJSON *one = cJSON_Duplicate(ref, 1);

		record_set(one, "ref", record_get(ref, "ref"), 150);
		cJSON_AddItemToArray(refs, one);
	}
	list = cJSON_AddArrayToObject(o, "findings");
	cJSON_AddItemToArray(list, short_finding(finding));
	buf_done(&ts);
	return o;
}

/* Mark it wherever the record has it; the first of them. */
static cJSON *mark_accepted(cJSON *record, const char *id, const char *by)
{
	cJSON *list = cJSON_GetObjectItemCaseSensitive(record, "findings"), *f, *first = NULL;

	cJSON_ArrayForEach(f, list)
	{
		if (strcmp(record_get(f, "id"), id) != 0)
			continue;
		record_set(f, "accepted_by", by, BY_MAX);
		first = first ? first : f;
	}
	return first;
}

static int accept_one(int argc, char **argv)
{
	struct err err = { { 0 } };
	cJSON *record, *finding = NULL, *event;
	int rc = 1;

	if (argc != 6 || !argv[3][0] || strlen(argv[5]) > MESSAGE_MAX)
		return fail(2, "usage: git-gate accept ID BY FINDING MESSAGE");
	record = spool_read(GATE_SPOOL, argv[2], &err);
	if (!record)
		return fail(1, err.msg);
	if (strcmp(record_get(record, "state"), "rejected") != 0) {
		rc = fail(EXIT_REFUSED, "the push was not rejected for a finding");
		goto out;
	}
	if (argv[4][0])
		finding = mark_accepted(record, argv[4], argv[3]);
	if (!finding) {
		rc = fail(EXIT_REFUSED, "the push has no such finding");
		goto out;
	}
	event = accepted_event(record, finding, argv[3], argv[5]);
	if (accept_add(GATE_ACCEPTED, argv[4], record_get(finding, "accepted_by"), &err) < 0) {
		rc = fail(EXIT_REFUSED, err.msg);
	} else if (tell_serve(event) < 0) {
		char *path = xasprintf(GATE_ACCEPTED "/%s", argv[4]);

		unlink(path); /* what nobody hears of does not count */
		free(path);
		rc = fail(1, "the gate's server does not answer");
	} else {
		spool_update(GATE_SPOOL, argv[2], record, NULL);
		rc = print_record(record, argv[2], false);
	}
	cJSON_Delete(event);
out:
	cJSON_Delete(record);
	return rc;
}

/* --- serve's side -------------------------------------------------------------------- */

int operator_open_events(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX, .sun_path = GATE_SOCKET };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	unlink(GATE_SOCKET);
	if (fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

void operator_pass_on(int fd, int verdict_fd)
{
	char line[VERDICT_MAX];
	ssize_t n = recv(fd, line, sizeof line - 1, 0);

	if (n < 2 || line[0] != '{' || memchr(line, '\n', (size_t)n))
		return;
	line[n] = '\n';
	fd_write(verdict_fd, line, (size_t)n + 1);
}

/* --- the verbs ----------------------------------------------------------------------- */

bool operator_has_verb(const char *verb)
{
	static const char *const verbs[] = { "pushes", "push", "approve", "reject", "accept" };

	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
		if (strcmp(verbs[i], verb) == 0)
			return true;
	return false;
}

int operator_main(int argc, char **argv)
{
	umask(077);
	if (strcmp(argv[1], "pushes") == 0 && argc == 2)
		return show_all();
	if (argc < 3 || !spool_is_id(argv[2]))
		return fail(2, "usage: git-gate pushes | push ID | approve ID BY MESSAGE NEW... | "
		               "reject ID BY MESSAGE NEW... | accept ID BY FINDING MESSAGE");
	if (strcmp(argv[1], "push") == 0 && argc == 3)
		return show_one(argv[2]);
	if (strcmp(argv[1], "accept") == 0)
		return accept_one(argc, argv);
	return decide(argc, argv);
}
