#include "spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "review.h"
#include "util.h"

#define ENTRIES_MAX 1024
#define DECISION_MAX (64U << 10)

bool spool_is_id(const char *id)
{
	return strlen(id) == 16 && strspn(id, "0123456789abcdef") == 16;
}

static char *path_of(const char *dir, const char *id, const char *suffix)
{
	return xasprintf("%s/%s%s", dir, id, suffix);
}

/* By rename, so that whoever reads sees the old one or the new one. */
static int write_whole(const char *dir, const char *id, const char *suffix, const void *data,
                       size_t len, struct err *err)
{
	char *path = path_of(dir, id, suffix), *part = path_of(dir, id, ".part");
	int rc = file_write(part, data, len, err);

	if (rc == 0 && rename(part, path) < 0)
		rc = err_set(err, "%s: %s", path, strerror(errno));
	if (rc < 0)
		unlink(part);
	free(path);
	free(part);
	return rc;
}

static int write_json(const char *dir, const char *id, const cJSON *record, struct err *err)
{
	char *text = cJSON_PrintUnformatted(record);
	int rc = text ? write_whole(dir, id, ".json", text, strlen(text), err)
	              : err_set(err, "no memory for the record");

	free(text);
	return rc;
}

static cJSON *read_json(const char *dir, const char *id, const char *suffix, size_t max)
{
	char *path = path_of(dir, id, suffix);
	struct buf text = BUF_INIT(max);
	cJSON *root = NULL;

	if (file_read(&text, path, NULL) == 0)
		root = cJSON_ParseWithOpts(buf_str(&text), NULL, 1);
	buf_done(&text);
	free(path);
	return root;
}

/* --- the folder ------------------------------------------------------------------------ */

/* What goes first, and what last: a push that was refused is what somebody may want to
 * look into, and those that follow must not wash it away. */
enum worth { WORTH_LITTLE, WORTH_A_LOOK, WORTH_KEEPING, WORTHS };

struct entry {
	char id[17];
	struct timespec made; /* the diff is written once, and the json when the push changes */
	size_t bytes;
	enum worth worth;
	uint64_t refs; /* a sum over the repository and the refs: the same for the same */
};

static int by_age(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->made.tv_sec != y->made.tv_sec)
		return x->made.tv_sec < y->made.tv_sec ? -1 : 1;
	if (x->made.tv_nsec != y->made.tv_nsec)
		return x->made.tv_nsec < y->made.tv_nsec ? -1 : 1;
	return strcmp(x->id, y->id);
}

/* FNV-1a, with a NUL to end the text. */
static uint64_t add_sum(uint64_t sum, const cJSON *text)
{
	const char *p = cJSON_GetStringValue(text);

	do
		sum = (sum ^ (unsigned char)(p ? *p : '\0')) * 0x100000001b3ULL;
	while (p && *p++);
	return sum;
}

static uint64_t sum_refs(const cJSON *record)
{
	const cJSON *ref;
	uint64_t sum =
		add_sum(0xcbf29ce484222325ULL, cJSON_GetObjectItemCaseSensitive(record, "repo"));

	cJSON_ArrayForEach(ref, cJSON_GetObjectItemCaseSensitive(record, "refs")) sum =
		add_sum(sum, cJSON_GetObjectItemCaseSensitive(ref, "ref"));
	return sum;
}

static enum worth judge(const char *dir, const char *id, uint64_t *refs)
{
	static const struct {
		const char *state;
		enum worth worth;
	} states[] = { { "held", WORTH_KEEPING },
		       { "forwarding", WORTH_KEEPING },
		       { "rejected", WORTH_A_LOOK },
		       { "timed-out", WORTH_A_LOOK } };
	cJSON *record = read_json(dir, id, ".json", SPOOL_JSON + 4096);
	const char *state = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(record, "state"));
	enum worth worth = WORTH_LITTLE;

	for (size_t i = 0; state && i < sizeof states / sizeof *states; i++)
		if (strcmp(state, states[i].state) == 0)
			worth = states[i].worth;
	*refs = sum_refs(record);
	cJSON_Delete(record);
	return worth;
}

/* The caller frees *out. */
static size_t scan_dir(const char *dir, struct entry **out)
{
	DIR *d = opendir(dir);
	const struct dirent *de;
	size_t n = 0;

	*out = NULL;
	while (d && n < ENTRIES_MAX && (de = readdir(d))) {
		struct entry e = { .bytes = 0 };
		struct stat st;
		char *path;

		if (strlen(de->d_name) != 21 || strcmp(de->d_name + 16, ".diff") != 0)
			continue;
		memcpy(e.id, de->d_name, 16);
		path = path_of(dir, e.id, ".diff");
		if (spool_is_id(e.id) && stat(path, &st) == 0) {
			e.made = st.st_mtim;
			e.bytes = (size_t)st.st_size;
			free(path);
			path = path_of(dir, e.id, ".json");
			if (stat(path, &st) == 0)
				e.bytes += (size_t)st.st_size;
			e.worth = judge(dir, e.id, &e.refs);
			*out = xreallocarray(*out, n + 1, sizeof **out);
			(*out)[n++] = e;
		}
		free(path);
	}
	if (d)
		closedir(d);
	if (n)
		qsort(*out, n, sizeof **out, by_age);
	return n;
}

static void forget(const char *dir, const char *id)
{
	static const char *const suffixes[] = { ".json", ".decision", ".diff" };

	for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
		char *path = path_of(dir, id, suffixes[i]);

		unlink(path);
		free(path);
	}
}

/* How many are of the worth and, but for NULL, of the same refs; *second: the second
 * oldest of them, or the only one. */
static size_t count_like(const struct entry *v, size_t n, enum worth worth, const uint64_t *refs,
                         size_t *second)
{
	size_t like = 0;

	for (size_t i = 0; i < n; i++)
		if (v[i].worth == worth && (!refs || v[i].refs == *refs) && like++ < 2)
			*second = i;
	return like;
}

/* The first refused push of all and the first to the same refs stay: an agent that goes
 * on trying, or wants one forgotten, repeats itself. Of the refs that were tried most
 * often the second try goes, and when each was tried once, the second of all. */
static size_t refused_victim(const struct entry *v, size_t n)
{
	size_t most = 1, victim = 0, second = 0;

	count_like(v, n, WORTH_A_LOOK, NULL, &victim);
	for (size_t i = 0; i < n; i++) {
		size_t like = v[i].worth == WORTH_A_LOOK
		                      ? count_like(v, n, WORTH_A_LOOK, &v[i].refs, &second)
		                      : 0;

		if (like > most) {
			most = like;
			victim = second;
		}
	}
	return victim;
}

/* Which goes next; there is one. */
static size_t find_victim(const struct entry *v, size_t n)
{
	for (int worth = 0; worth < WORTHS; worth++)
		for (size_t i = 0; i < n; i++)
			if ((int)v[i].worth == worth)
				return worth == WORTH_A_LOOK ? refused_victim(v, n) : i;
	return 0;
}

/* Until a record of so many bytes fits. */
static void make_room(const char *dir, size_t bytes)
{
	struct entry *v;
	size_t n = scan_dir(dir, &v), total = bytes;

	for (size_t i = 0; i < n; i++)
		total += v[i].bytes;
	while (n > 0 && (n >= SPOOL_RECORDS || total > SPOOL_BYTES)) {
		size_t i = find_victim(v, n);

		forget(dir, v[i].id);
		total -= v[i].bytes;
		memmove(v + i, v + i + 1, (--n - i) * sizeof *v);
	}
	free(v);
}

static int lock_dir(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0)
		while (flock(fd, LOCK_EX) < 0 && errno == EINTR)
			;
	return fd;
}

static size_t count_held(const char *dir)
{
	struct entry *v;
	size_t n = scan_dir(dir, &v), held = 0;

	for (size_t i = 0; i < n; i++)
		held += v[i].worth == WORTH_KEEPING;
	free(v);
	return held;
}

int spool_add(const char *dir, const char *id, const cJSON *record, const struct buf *diff,
              size_t most_held, struct err *err)
{
	const char *text = diff ? buf_str(diff) : "";
	int lock = lock_dir(dir), rc;

	if (most_held > 0 && count_held(dir) >= most_held) {
		if (lock >= 0)
			close(lock);
		return 1;
	}
	make_room(dir, SPOOL_JSON + strlen(text));
	/* the json first: the list goes by the diffs */
	rc = write_json(dir, id, record, err);
	if (rc == 0)
		rc = write_whole(dir, id, ".diff", text, strlen(text), err);
	if (rc < 0)
		forget(dir, id);
	if (lock >= 0)
		close(lock);
	return rc;
}

int spool_update(const char *dir, const char *id, const cJSON *record, struct err *err)
{
	char *path = path_of(dir, id, ".json");
	int lock = lock_dir(dir), rc = 0;

	if (access(path, F_OK) == 0)
		rc = write_json(dir, id, record, err);
	/* better no record than one that says what is over */
	if (rc < 0)
		forget(dir, id);
	if (lock >= 0)
		close(lock);
	free(path);
	return rc;
}

cJSON *spool_read(const char *dir, const char *id, struct err *err)
{
	cJSON *record = spool_is_id(id) ? read_json(dir, id, ".json", SPOOL_JSON + 4096) : NULL;

	if (!record)
		err_set(err, "there is no record of push %.40s", id);
	return record;
}

void spool_read_diff(const char *dir, const char *id, struct buf *out)
{
	char *path = path_of(dir, id, ".diff");

	file_read(out, path, NULL);
	free(path);
}

void spool_list(const char *dir, struct buf *out)
{
	struct entry *v;
	size_t n = scan_dir(dir, &v);

	for (size_t i = 0; i < n; i++)
		buf_addf(out, "%s\n", v[i].id);
	free(v);
}

/* --- decisions -------------------------------------------------------------------------- */

int spool_decide(const char *dir, const char *id, const cJSON *decision, struct err *err)
{
	char *path = path_of(dir, id, ".decision"), *part, name[33], *text;
	int rc = -1;

	random_hex(name, 16);
	part = path_of(dir, name, ".part");
	text = cJSON_PrintUnformatted(decision);
	if (!text || strlen(text) >= DECISION_MAX)
		err_set(err, "the decision is too long");
	else if (file_write(part, text, strlen(text), err) == 0)
		rc = 0;
	/* a link is there whole and once, or not at all */
	if (rc == 0 && link(part, path) < 0)
		rc = errno == EEXIST ? err_set(err, "somebody decided already")
		                     : err_set(err, "%s: %s", path, strerror(errno));
	unlink(part);
	free(text);
	free(part);
	free(path);
	return rc;
}

cJSON *spool_take_decision(const char *dir, const char *id)
{
	char *path = path_of(dir, id, ".decision");
	cJSON *decision = NULL;

	if (access(path, F_OK) == 0) {
		decision = read_json(dir, id, ".decision", DECISION_MAX);
		unlink(path);
	}
	free(path);
	return decision;
}

bool spool_close(const char *dir, const char *id, const char *state, const char *reason)
{
	cJSON *record;
	uint64_t refs;

	if (judge(dir, id, &refs) != WORTH_KEEPING || !(record = spool_read(dir, id, NULL)))
		return false;
	cJSON_ReplaceItemInObjectCaseSensitive(record, "state", cJSON_CreateString(state));
	cJSON_DeleteItemFromObjectCaseSensitive(record, "reason");
	cJSON_AddStringToObject(record, "reason", reason);
	spool_update(dir, id, record, NULL);
	cJSON_Delete(record);
	return true;
}
