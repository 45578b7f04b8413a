#include "docker/tar.h"

#include <stdio.h>
#include <string.h>

#include "core/buf.h"
#include "core/err.h"

#define BLOCK 512

/* The header block, byte for byte (POSIX.1-2001 "ustar"). Numbers are octal
 * text; the checksum is the sum of all bytes with its own field as blanks. */
struct header {
	char name[100];
	char mode[8];
	char uid[8];
	char gid[8];
	char size[12];
	char mtime[12];
	char checksum[8];
	char type;
	char link[100];
	char magic[6];		/* "ustar\0" */
	char version[2];	/* "00" */
	char uname[32];
	char gname[32];
	char major[8];
	char minor[8];
	char prefix[155];
	char pad[12];
};

_Static_assert(sizeof(struct header) == BLOCK, "a tar header is one block");

#define NAME_MAX_BYTES	 sizeof(((struct header *)0)->name)
#define PREFIX_MAX_BYTES sizeof(((struct header *)0)->prefix)
#define OCTAL7_MAX 07777777u	/* what uid and gid hold; larger ones go into a pax entry */

static int fail(struct tar *t, const char *why, const char *path)
{
	if (t->fault)
		return -1;
	t->fault = why;
	strncpy(t->at, path, sizeof t->at - 1);
	t->at[sizeof t->at - 1] = '\0';
	return -1;
}

static int put(struct tar *t, const void *data, size_t len)
{
	return buf_add(t->out, data, len) < 0 ? fail(t, "the archive grows past its ceiling", "")
					      : 0;
}

static int put_padding(struct tar *t, size_t len)
{
	static const char zeros[BLOCK];

	return len % BLOCK ? put(t, zeros, BLOCK - len % BLOCK) : 0;
}

/* Octal with leading zeros, width - 1 digits and a NUL; the value fits. */
static void set_octal(char *field, size_t width, uint64_t value)
{
	field[width - 1] = '\0';
	for (size_t i = width - 1; i-- > 0; value >>= 3)
		field[i] = (char)('0' + (value & 7));
}

static void set_checksum(struct header *h)
{
	const unsigned char *p = (const unsigned char *)h;
	unsigned sum = 0;

	memset(h->checksum, ' ', sizeof h->checksum);
	for (size_t i = 0; i < sizeof *h; i++)
		sum += p[i];
	set_octal(h->checksum, 7, sum);
}

/* Where to cut a path of more than 100 bytes so that both halves fit the header:
 * the index of a '/', or 0 when there is none. */
static size_t ustar_split(const char *path, size_t len)
{
	for (size_t i = len - NAME_MAX_BYTES - 1; i + 1 < len && i <= PREFIX_MAX_BYTES; i++)
		if (path[i] == '/')
			return i;
	return 0;
}

static size_t count_digits(size_t n)
{
	size_t digits = 1;

	for (; n >= 10; n /= 10)
		digits++;
	return digits;
}

/* One pax record: its length counts itself. */
static int add_pax(struct buf *b, const char *key, const char *value)
{
	size_t rest = strlen(key) + strlen(value) + 3;	/* blank, '=', newline */
	size_t total = rest + 1;

	while (total != rest + count_digits(total))
		total = rest + count_digits(total);
	return buf_addf(b, "%zu %s=%s\n", total, key, value);
}

static int put_header(struct tar *t, struct header *h, char type, unsigned mode, size_t size)
{
	h->type = type;
	set_octal(h->mode, sizeof h->mode, mode & 07777);
	set_octal(h->size, sizeof h->size, size);
	set_octal(h->mtime, sizeof h->mtime, (uint64_t)t->mtime);
	memcpy(h->magic, "ustar", 6);
	memcpy(h->version, "00", 2);
	set_checksum(h);
	return put(t, h, sizeof *h);
}

static int put_pax(struct tar *t, const struct buf *records)
{
	struct header h = { .name = "pax" };

	set_octal(h.uid, sizeof h.uid, 0);
	set_octal(h.gid, sizeof h.gid, 0);
	if (put_header(t, &h, 'x', 0600, records->len) < 0 ||
	    put(t, records->data, records->len) < 0)
		return -1;
	return put_padding(t, records->len);
}

struct entry {
	char type;
	const char *path, *target;
	unsigned mode;
	uint32_t uid, gid;
	size_t size;
};

static int put_entry(struct tar *t, const struct entry *e)
{
	struct buf pax = BUF_INIT(2 * TAR_PATH_MAX + 256);
	struct header h = { 0 };
	size_t path_len = strlen(e->path), target_len = strlen(e->target), cut;
	char number[16];
	int rc = 0;

	if (path_len <= sizeof h.name) {
		memcpy(h.name, e->path, path_len);
	} else if ((cut = ustar_split(e->path, path_len)) > 0) {
		memcpy(h.prefix, e->path, cut);
		memcpy(h.name, e->path + cut + 1, path_len - cut - 1);
	} else {
		memcpy(h.name, e->path, sizeof h.name);
		add_pax(&pax, "path", e->path);
	}
	if (target_len > sizeof h.link)
		add_pax(&pax, "linkpath", e->target);
	memcpy(h.link, e->target, target_len > sizeof h.link ? sizeof h.link : target_len);
	set_octal(h.uid, sizeof h.uid, e->uid > OCTAL7_MAX ? 0 : e->uid);
	set_octal(h.gid, sizeof h.gid, e->gid > OCTAL7_MAX ? 0 : e->gid);
	if (e->uid > OCTAL7_MAX) {
		snprintf(number, sizeof number, "%u", e->uid);
		add_pax(&pax, "uid", number);
	}
	if (e->gid > OCTAL7_MAX) {
		snprintf(number, sizeof number, "%u", e->gid);
		add_pax(&pax, "gid", number);
	}
	if (pax.len > 0)
		rc = put_pax(t, &pax);
	buf_done(&pax);
	return rc < 0 ? -1 : put_header(t, &h, e->type, e->mode, e->size);
}

/* Returns the path without leading '/' and "./", or NULL after fail(). */
static const char *clean_path(struct tar *t, const char *path)
{
	const char *p = path;

	if (t->fault)
		return NULL;
	while (*p == '/' || (p[0] == '.' && p[1] == '/'))
		p++;
	if (*p == '\0') {
		fail(t, "an entry needs a path", path);
		return NULL;
	}
	if (strlen(p) > TAR_PATH_MAX) {
		fail(t, "the path is too long for an archive", path);
		return NULL;
	}
	for (const char *part = p; part; part = strchr(part, '/')) {
		part += *part == '/';
		if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || part[2] == '\0')) {
			fail(t, "a path in an archive may not have \"..\"", path);
			return NULL;
		}
	}
	return p;
}

void tar_begin(struct tar *t, struct buf *out, int64_t mtime)
{
	*t = (struct tar){ .out = out, .mtime = mtime };
}

int tar_file(struct tar *t, const char *path, unsigned mode, uint32_t uid, uint32_t gid,
             const void *data, size_t len)
{
	struct entry e = { '0', clean_path(t, path), "", mode, uid, gid, len };

	if (!e.path)
		return -1;
	if (len > t->out->max)	/* before the header, so that no size is promised in vain */
		return fail(t, "the file is larger than the archive may be", path);
	if (put_entry(t, &e) < 0 || (len > 0 && put(t, data, len) < 0))
		return -1;
	return put_padding(t, len);
}

int tar_dir(struct tar *t, const char *path, unsigned mode, uint32_t uid, uint32_t gid)
{
	char slashed[TAR_PATH_MAX + 2];
	struct entry e = { '5', clean_path(t, path), "", mode, uid, gid, 0 };
	size_t len;

	if (!e.path)
		return -1;
	len = strlen(e.path);
	memcpy(slashed, e.path, len + 1);
	if (slashed[len - 1] != '/')
		memcpy(slashed + len, "/", 2);
	e.path = slashed;
	return put_entry(t, &e);
}

int tar_symlink(struct tar *t, const char *path, const char *target, uint32_t uid, uint32_t gid)
{
	struct entry e = { '2', clean_path(t, path), target, 0777, uid, gid, 0 };

	if (!e.path)
		return -1;
	if (*target == '\0' || strlen(target) > TAR_PATH_MAX)
		return fail(t, "a link's target is empty or too long", path);
	return put_entry(t, &e);
}

int tar_finish(struct tar *t, struct err *err)
{
	static const char end[2 * BLOCK];

	if (!t->fault)
		put(t, end, sizeof end);
	if (!t->fault)
		return 0;
	if (t->at[0] == '\0')
		return err_set(err, ERR_FAILED, "%s (%zu bytes)", t->fault, t->out->max);
	return err_set(err, ERR_FAILED, "%s: %s", t->at, t->fault);
}
