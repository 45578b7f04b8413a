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
 * look into, and those that pass afterwards must not wash it away. */
enum worth { WORTH_LITTLE, WORTH_A_LOOK, WORTH_KEEPING, WORTHS };

struct entry {
	char id[17];
	struct timespec made; /* the diff is written once, and the json when the push changes */
	size_t bytes;
	enum worth worth;
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

static enum worth worth_of(const char *dir, const char *id)
{
	static const struct {
		const char *state;
		enum worth worth;
	} states[] = { { "held", WORTH_KEEPING },
		       { "forwarding", WORTH_KEEPING },
		       { "rejected", WORTH_A_LOOK },
		       { "timed-out", WORTH_A_LOOK } };
	cJSON *record = read_json(dir, id, ".json", SPOOL_JSON + 4096);
	const char *state =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(record, "state"));
	enum worth worth = WORTH_LITTLE;

	for (size_t i = 0; state && i < sizeof states / sizeof *states; i++)
		if (strcmp(state, states[i].state) == 0)
			worth = states[i].worth;
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
			e.worth = worth_of(dir, e.id);
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

/* Until a record of so many bytes fits. */
static void make_room(const char *dir, size_t bytes)
{
	struct entry *v;
	size_t n = scan_dir(dir, &v), total = bytes, left = n;

	for (size_t i = 0; i < n; i++)
		total += v[i].bytes;
	for (int worth = 0; worth < WORTHS; worth++) {
		for (size_t i = 0; i < n && (left >= SPOOL_RECORDS || total > SPOOL_BYTES); i++) {
			if ((int)v[i].worth != worth || !v[i].id[0])
				continue;
			forget(dir, v[i].id);
			total -= v[i].bytes;
			left--;
			v[i].id[0] = '\0';
		}
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

int spool_add(const char *dir, const char *id, const cJSON *record, const struct buf *diff,
              struct err *err)
{
	const char *text = diff ? buf_str(diff) : "";
	int lock = lock_dir(dir), rc;

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

size_t spool_count_held(const char *dir)
{
	struct entry *v;
	size_t n = scan_dir(dir, &v), held = 0;

	for (size_t i = 0; i < n; i++)
		held += v[i].worth == WORTH_KEEPING;
	free(v);
	return held;
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

	if (worth_of(dir, id) != WORTH_KEEPING || !(record = spool_read(dir, id, NULL)))
		return false;
	cJSON_ReplaceItemInObjectCaseSensitive(record, "state", cJSON_CreateString(state));
	cJSON_DeleteItemFromObjectCaseSensitive(record, "reason");
	cJSON_AddStringToObject(record, "reason", reason);
	spool_update(dir, id, record, NULL);
	cJSON_Delete(record);
	return true;
}
