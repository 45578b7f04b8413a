/* The reader of docker/tar.h. It takes what engines send (Go's archive/tar
 * writes ustar and pax) and what GNU tar writes ('L' and 'K' long names,
 * numbers in base 256); sparse files are refused. */
#include "docker/tar.h"

#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/mem.h"

#define BLOCK	 512
#define META_MAX (64 * 1024)	/* a pax or long-name entry: names and a little more */

enum state {
	READ_HEADER,	/* collecting a block */
	READ_META,	/* collecting the data of a pax or long-name entry */
	READ_DATA,	/* handing out a file's data */
	READ_PADDING,	/* skipping to the next block */
	READ_END,	/* a zero block was seen */
};

/* What extra entries say about the next real one. */
struct extra {
	char *path, *target;
	bool has_size, has_uid, has_gid, has_mtime;
	uint64_t size, uid, gid;
	int64_t mtime;
};

struct tar_reader {
	const struct tar_sink *sink;
	void *arg;
	enum state state;
	unsigned char block[BLOCK];
	size_t have;		/* bytes of block */
	char meta_type;
	struct buf meta;
	uint64_t left;		/* of the data or the meta data */
	size_t padding;		/* after it */
	struct extra extra, global;
};

static void extra_done(struct extra *x)
{
	free(x->path);
	free(x->target);
	*x = (struct extra){ 0 };
}

struct tar_reader *tar_reader_new(const struct tar_sink *sink, void *arg)
{
	struct tar_reader *r = xcalloc(1, sizeof *r);

	r->sink = sink;
	r->arg = arg;
	r->meta = (struct buf)BUF_INIT(META_MAX);
	return r;
}

void tar_reader_free(struct tar_reader *r)
{
	if (!r)
		return;
	extra_done(&r->extra);
	extra_done(&r->global);
	buf_done(&r->meta);
	free(r);
}

/* Octal text between blanks, or base 256 when the first bit is set. */
static int parse_number(const unsigned char *field, size_t width, uint64_t *out)
{
	uint64_t n = 0;
	size_t i = 0;

	if (field[0] & 0x80) {
		if (field[0] != 0x80)
			return -1;	/* negative, or far too large */
		for (i = 1; i < width; i++) {
			if (n >> 55)
				return -1;
			n = n << 8 | field[i];
		}
		*out = n;
		return 0;
	}
	while (i < width && field[i] == ' ')
		i++;
	for (; i < width && field[i] >= '0' && field[i] <= '7'; i++)
		n = n << 3 | (uint64_t)(field[i] - '0');	/* 12 digits at most: 36 bits */
	for (; i < width; i++)
		if (field[i] != ' ' && field[i] != '\0')
			return -1;
	*out = n;
	return 0;
}

static bool checksum_holds(const unsigned char *block)
{
	uint64_t want, sum = 0;

	if (parse_number(block + 148, 8, &want) < 0)
		return false;
	for (size_t i = 0; i < BLOCK; i++)
		sum += i >= 148 && i < 156 ? ' ' : block[i];
	return sum == want;
}

static int parse_decimal(const char *s, uint64_t *out)
{
	uint64_t n = 0;

	if (*s < '0' || *s > '9')
		return -1;
	for (; *s >= '0' && *s <= '9'; s++) {
		if (n > (UINT64_MAX >> 1) / 10 - 1)
			return -1;
		n = n * 10 + (uint64_t)(*s - '0');
	}
	*out = n;
	return *s == '\0' || *s == '.' ? 0 : -1;	/* times may have a fraction */
}

static int set_name(char **name, const char *value, struct err *err)
{
	if (strlen(value) > TAR_PATH_MAX)
		return err_set(err, ERR_FAILED, "the archive has a name that is too long");
	free(*name);
	*name = xstrdup(value);
	return 0;
}

static int set_pax(struct extra *x, const char *key, const char *value, struct err *err)
{
	uint64_t n = 0;
	bool negative = *value == '-';

	if (strcmp(key, "path") == 0)
		return set_name(&x->path, value, err);
	if (strcmp(key, "linkpath") == 0)
		return set_name(&x->target, value, err);
	if (strncmp(key, "GNU.sparse.", 11) == 0)
		return err_set(err, ERR_FAILED, "the archive has a sparse file");
	if (strcmp(key, "size") != 0 && strcmp(key, "uid") != 0 && strcmp(key, "gid") != 0 &&
	    strcmp(key, "mtime") != 0)
		return 0;	/* another time, an attribute, a comment */
	if (parse_decimal(value + negative, &n) < 0 || (negative && *key != 'm'))
		return err_set(err, ERR_FAILED, "the archive has a bad %s", key);
	if (*key == 's')
		x->size = n, x->has_size = true;
	else if (*key == 'u')
		x->uid = n, x->has_uid = true;
	else if (*key == 'g')
		x->gid = n, x->has_gid = true;
	else
		x->mtime = negative ? -(int64_t)n : (int64_t)n, x->has_mtime = true;
	return 0;
}

/* Records "LEN KEY=VALUE\n", LEN counting all of it. */
static int parse_pax(struct extra *x, char *data, size_t len, struct err *err)
{
	while (len > 0) {
		size_t n = 0, digits = 0;
		char *eq;

		for (; digits < len && digits < 6 && data[digits] >= '0' && data[digits] <= '9';
		     digits++)
			n = n * 10 + (size_t)(data[digits] - '0');
		if (digits == 0 || n > len || n < digits + 3 || data[digits] != ' ' ||
		    data[n - 1] != '\n')
			return err_set(err, ERR_FAILED, "the archive has a bad pax record");
		data[n - 1] = '\0';
		eq = strchr(data + digits + 1, '=');
		if (!eq || strlen(data) != n - 1)
			return err_set(err, ERR_FAILED, "the archive has a bad pax record");
		*eq = '\0';
		if (set_pax(x, data + digits + 1, eq + 1, err) < 0)
			return -1;
		data += n;
		len -= n;
	}
	return 0;
}

static int end_meta(struct tar_reader *r, struct err *err)
{
	int rc;

	buf_addc(&r->meta, '\0');	/* the NUL below len is ours: names end at the first one */
	if (r->meta.overflowed)
		return err_set(err, ERR_FAILED, "the archive has an oversized extra header");
	if (r->meta_type == 'L')
		rc = set_name(&r->extra.path, r->meta.data, err);
	else if (r->meta_type == 'K')
		rc = set_name(&r->extra.target, r->meta.data, err);
	else
		rc = parse_pax(r->meta_type == 'g' ? &r->global : &r->extra, r->meta.data,
			       r->meta.len - 1, err);
	buf_reset(&r->meta);
	return rc;
}

static enum tar_type type_of(unsigned char flag)
{
	switch (flag) {
	case '5':
		return TAR_DIR;
	case '2':
		return TAR_SYMLINK;
	case '1':
		return TAR_HARDLINK;
	case '3':
	case '4':
	case '6':
		return TAR_OTHER;
	default:	/* '0', '\0', '7', and as POSIX asks whatever is not known */
		return TAR_FILE;
	}
}

static void copy_field(char *to, const unsigned char *field, size_t width)
{
	size_t n = strnlen((const char *)field, width);

	memcpy(to, field, n);
	to[n] = '\0';
}

static void header_path(char *to, const unsigned char *block)
{
	size_t n = 0;

	if (memcmp(block + 257, "ustar", 6) == 0 && block[345] != '\0') {
		copy_field(to, block + 345, 155);
		n = strlen(to);
		to[n++] = '/';
	}
	copy_field(to + n, block, 100);
}

static void apply_extra(const struct extra *x, uint64_t *size, uint64_t *uid, uint64_t *gid,
                        int64_t *mtime)
{
	if (x->has_size)
		*size = x->size;
	if (x->has_uid)
		*uid = x->uid;
	if (x->has_gid)
		*gid = x->gid;
	if (x->has_mtime)
		*mtime = x->mtime;
}

static int begin_entry(struct tar_reader *r, uint64_t size, struct err *err)
{
	char path[TAR_PATH_MAX + 1], target[TAR_PATH_MAX + 1];
	struct tar_entry e = { .type = type_of(r->block[156]), .path = path, .target = "" };
	uint64_t mode, uid, gid, mtime;
	size_t len;

	if (parse_number(r->block + 100, 8, &mode) < 0 ||
	    parse_number(r->block + 108, 8, &uid) < 0 ||
	    parse_number(r->block + 116, 8, &gid) < 0 ||
	    parse_number(r->block + 136, 12, &mtime) < 0)
		return err_set(err, ERR_FAILED, "the archive has a header with a bad number");

	header_path(path, r->block);
	if (r->extra.path)
		memcpy(path, r->extra.path, strlen(r->extra.path) + 1);
	if (e.type == TAR_SYMLINK || e.type == TAR_HARDLINK) {
		copy_field(target, r->block + 157, 100);
		if (r->extra.target)
			memcpy(target, r->extra.target, strlen(r->extra.target) + 1);
		e.target = target;
	}
	e.mtime = (int64_t)mtime;
	apply_extra(&r->global, &size, &uid, &gid, &e.mtime);
	apply_extra(&r->extra, &size, &uid, &gid, &e.mtime);
	extra_done(&r->extra);
	if (uid > UINT32_MAX || gid > UINT32_MAX || size > INT64_MAX)
		return err_set(err, ERR_FAILED, "the archive has a header with a bad number");

	len = strlen(path);
	if (e.type == TAR_FILE && len > 0 && path[len - 1] == '/')
		e.type = TAR_DIR;	/* as tars older than ustar say it */
	while (len > 1 && path[len - 1] == '/')
		path[--len] = '\0';
	if (len == 0)
		return err_set(err, ERR_FAILED, "the archive has an entry without a name");
	e.mode = (unsigned)mode & 07777;
	e.uid = (uint32_t)uid;
	e.gid = (uint32_t)gid;
	e.size = e.type == TAR_FILE ? size : 0;

	r->left = e.size;
	r->padding = (size_t)((BLOCK - e.size % BLOCK) % BLOCK);
	r->state = READ_DATA;
	return r->sink->on_entry ? r->sink->on_entry(r->arg, &e, err) : 0;
}

static int take_header(struct tar_reader *r, struct err *err)
{
	static const unsigned char zeros[BLOCK];
	unsigned char flag = r->block[156];
	uint64_t size;

	if (memcmp(r->block, zeros, BLOCK) == 0) {
		r->state = READ_END;
		return 0;
	}
	if (!checksum_holds(r->block))
		return err_set(err, ERR_FAILED, "not a tar archive: a header's checksum is wrong");
	if (parse_number(r->block + 124, 12, &size) < 0)
		return err_set(err, ERR_FAILED, "the archive has a header with a bad number");
	if (flag == 'S')
		return err_set(err, ERR_FAILED, "the archive has a sparse file");
	if (flag != 'x' && flag != 'g' && flag != 'L' && flag != 'K')
		return begin_entry(r, size, err);
	if (size >= META_MAX)
		return err_set(err, ERR_FAILED, "the archive has an oversized extra header");
	r->meta_type = (char)flag;
	r->left = size;
	r->padding = (size_t)((BLOCK - size % BLOCK) % BLOCK);
	r->state = READ_META;
	return 0;
}

/* Once nothing is left of the data: on to the padding, or straight to the next header. */
static int end_data(struct tar_reader *r, struct err *err)
{
	bool is_meta = r->state == READ_META;

	r->state = r->padding > 0 ? READ_PADDING : READ_HEADER;
	if (is_meta)
		return end_meta(r, err);
	return r->sink->on_entry_end ? r->sink->on_entry_end(r->arg, err) : 0;
}

int tar_reader_feed(struct tar_reader *r, const void *data, size_t len, struct err *err)
{
	const char *p = data;

	while (len > 0 && r->state != READ_END) {
		size_t n = len;

		if (r->state == READ_HEADER) {
			n = n < BLOCK - r->have ? n : BLOCK - r->have;
			memcpy(r->block + r->have, p, n);
			r->have += n;
		} else if (r->state == READ_PADDING) {
			n = n < r->padding ? n : r->padding;
			r->padding -= n;
		} else {
			n = n < r->left ? n : (size_t)r->left;
			r->left -= n;
		}

		if (r->state == READ_META)
			buf_add(&r->meta, p, n);	/* fits: its size was checked */
		else if (r->state == READ_DATA && n > 0 && r->sink->on_data &&
			 r->sink->on_data(r->arg, p, n, err) < 0)
			return -1;
		p += n;
		len -= n;

		if (r->state == READ_PADDING && r->padding == 0)
			r->state = READ_HEADER;
		else if (r->state == READ_HEADER && r->have == BLOCK) {
			r->have = 0;
			if (take_header(r, err) < 0)
				return -1;
		}
		if ((r->state == READ_DATA || r->state == READ_META) && r->left == 0 &&
		    end_data(r, err) < 0)
			return -1;
	}
	return 0;
}

int tar_reader_finish(struct tar_reader *r, struct err *err)
{
	if (r->state == READ_END || (r->state == READ_HEADER && r->have == 0))
		return 0;
	return err_set(err, ERR_FAILED, "the archive is cut short");
}
