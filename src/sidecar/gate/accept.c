#include "accept.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "gate.h"
#include "hmac.h"
#include "proto.h"
#include "report.h"
#include "util.h"

#define BY_MAX 256

int accept_make_key(struct err *err)
{
	unsigned char key[HMAC_KEY];
	int rc;

	random_bytes(key, sizeof key);
	rc = file_write(GATE_KEY, key, sizeof key, err);
	explicit_bzero(key, sizeof key);
	return rc;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Each part ends in a NUL, which none of them holds. */
void accept_id(char out[33], const unsigned char key[32], const struct finding *f,
               const char *repo, const struct ref_updates *refs)
{
	const char **names = xcalloc(refs->n + 1, sizeof *names);
	struct buf b = BUF_INIT(4U << 20);
	unsigned char sum[HMAC_SIZE];

	buf_add(&b, f->rule, strlen(f->rule) + 1);
	buf_add(&b, f->secret[0] ? "s" : "n", 1);
	buf_adds(&b, f->secret[0] ? f->secret : f->name ? f->name : "");
	buf_addc(&b, '\0');
	buf_add(&b, repo, strlen(repo) + 1);
	for (size_t i = 0; i < refs->n; i++)
		names[i] = refs->v[i].ref;
	if (refs->n)
		qsort(names, refs->n, sizeof *names, by_name);
	for (size_t i = 0; i < refs->n; i++)
		buf_add(&b, names[i], strlen(names[i]) + 1);
	hmac_sha256(sum, key, b.data, b.len);
	for (size_t i = 0; i < 16; i++)
		snprintf(out + 2 * i, 3, "%02x", sum[i]);
	explicit_bzero(b.data, b.len);
	buf_done(&b);
	free(names);
}

int accept_identify(struct findings *f, const char *repo, const struct ref_updates *refs,
                    struct err *err)
{
	struct buf key = BUF_INIT(HMAC_KEY + 1);
	int rc = file_read(&key, GATE_KEY, err);

	if (rc == 0 && key.len != HMAC_KEY)
		rc = err_set(err, GATE_KEY ": not a key");
	for (size_t i = 0; rc == 0 && i < f->n; i++)
		accept_id(f->v[i].id, (const unsigned char *)key.data, &f->v[i], repo, refs);
	if (key.data)
		explicit_bzero(key.data, key.len);
	buf_done(&key);
	return rc;
}

static bool is_id(const char *s)
{
	return strlen(s) == 32 && strspn(s, "0123456789abcdef") == 32;
}

/* How many wait; those that are too old go. */
static size_t count(const char *dir)
{
	DIR *d = opendir(dir);
	const struct dirent *de;
	time_t now = time(NULL);
	size_t n = 0;

	while (d && (de = readdir(d))) {
		char *path = xasprintf("%s/%s", dir, de->d_name);
		struct stat st;

		if (is_id(de->d_name) && lstat(path, &st) == 0) {
			n++;
			if (st.st_mtime + ACCEPT_S < now && unlink(path) == 0)
				n--;
		}
		free(path);
	}
	if (d)
		closedir(d);
	return n;
}

int accept_add(const char *dir, const char *id, const char *by, struct err *err)
{
	char *path;
	int rc;

	if (!is_id(id))
		return err_set(err, "that is no id of a finding");
	if (count(dir) >= ACCEPT_MAX)
		return err_set(err, "%d findings are accepted already, and wait for their push",
		               ACCEPT_MAX);
	path = xasprintf("%s/%s", dir, id);
	rc = file_write(path, by, strlen(by), err);
	free(path);
	return rc;
}

/* One of them; the caller frees what it returns: by whom. */
static char *take_one(const char *dir, const char *into, const char *id)
{
	char *from = xasprintf("%s/%s", dir, id), *to = xasprintf("%s/accepted-%s", into, id);
	struct buf by = BUF_INIT(BY_MAX);
	char *who = NULL;

	/* whoever moves it has it: two pushes cannot both */
	if (rename(from, to) == 0 && file_read(&by, to, NULL) == 0)
		who = xstrndup(buf_str(&by), by.len);
	buf_done(&by);
	free(from);
	free(to);
	return who;
}

static char *known_by(const struct findings *f, size_t n, const char *id)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(f->v[i].id, id) == 0)
			return xstrndup(f->v[i].accepted_by, strlen(f->v[i].accepted_by));
	return NULL;
}

bool accept_take(const char *dir, const char *into, struct findings *f)
{
	if (f->n_more > 0 || f->n == 0)
		return false;
	count(dir); /* for what is too old */
	for (size_t i = 0; i < f->n; i++) {
		struct finding *x = &f->v[i];

		x->accepted_by = known_by(f, i, x->id);
		if (!x->accepted_by)
			x->accepted_by = take_one(dir, into, x->id);
		if (!x->accepted_by) {
			accept_put_back(dir, into, f);
			for (size_t k = 0; k < i; k++) {
				free(f->v[k].accepted_by);
				f->v[k].accepted_by = NULL;
			}
			return false;
		}
	}
	return true;
}

void accept_put_back(const char *dir, const char *from, const struct findings *f)
{
	for (size_t i = 0; i < f->n; i++) {
		char *at = xasprintf("%s/accepted-%s", from, f->v[i].id);
		char *to = xasprintf("%s/%s", dir, f->v[i].id);

		if (f->v[i].accepted_by)
			rename(at, to); /* a second finding of one id: it is there already */
		free(at);
		free(to);
	}
}
