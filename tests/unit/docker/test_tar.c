#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/mem.h"
#include "docker/tar.h"

/* What a reader saw, as text: one line for each entry, its data after it. */
static int note_entry(void *arg, const struct tar_entry *e, struct err *err)
{
	static const char types[] = "-dlho";

	(void)err;
	return buf_addf(arg, "%c %04o %u:%u @%lld %llu %s%s%s\n", types[e->type], e->mode, e->uid,
	                e->gid, (long long)e->mtime, (unsigned long long)e->size, e->path,
	                *e->target ? " -> " : "", e->target);
}

static int note_data(void *arg, const void *data, size_t len, struct err *err)
{
	(void)err;
	return buf_add(arg, data, len);
}

static int note_end(void *arg, struct err *err)
{
	(void)err;
	return buf_adds(arg, ".\n");
}

static const struct tar_sink note = { note_entry, note_data, note_end };

/* Read an archive in pieces of step bytes. */
static int read_all(struct buf *seen, const void *tar, size_t len, size_t step, struct err *err)
{
	struct tar_reader *r = tar_reader_new(&note, seen);
	const char *p = tar;
	int rc = 0;

	for (size_t at = 0; at < len && rc == 0; at += step)
		rc = tar_reader_feed(r, p + at, len - at < step ? len - at : step, err);
	if (rc == 0)
		rc = tar_reader_finish(r, err);
	tar_reader_free(r);
	return rc;
}

static void entries_come_back_as_written(void **state)
{
	static const size_t steps[] = { 1, 7, 511, 512, 513, 100000 };
	struct buf out = BUF_INIT(100000);
	struct tar t;
	char big[1000];

	(void)state;
	memset(big, 'x', sizeof big);
	tar_begin(&t, &out, 1700000000);
	tar_dir(&t, "/etc/pipelock", 0700, 65534, 65533);
	tar_file(&t, "/etc/pipelock/ca.pem", 0600, 65534, 65534, "hello", 5);
	tar_file(&t, "./empty", 04755, 0, 0, NULL, 0);
	t.mtime = 5;
	tar_symlink(&t, "link", "../there", 1000, 1000);
	tar_file(&t, "big", 0644, 3000000, 4000000000u, big, sizeof big);
	assert_int_equal(tar_finish(&t, NULL), 0);
	assert_int_equal(out.len % 512, 0);

	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		struct buf seen = BUF_INIT(100000), want = BUF_INIT(100000);

		assert_int_equal(read_all(&seen, out.data, out.len, steps[i], NULL), 0);
		buf_addf(&want,
		         "d 0700 65534:65533 @1700000000 0 etc/pipelock\n.\n"
		         "- 0600 65534:65534 @1700000000 5 etc/pipelock/ca.pem\nhello.\n"
		         "- 4755 0:0 @1700000000 0 empty\n.\n"
		         "l 0777 1000:1000 @5 0 link -> ../there\n.\n"
		         "- 0644 3000000:4000000000 @5 1000 big\n%.*s.\n",
		         (int)sizeof big, big);
		assert_string_equal(buf_str(&seen), buf_str(&want));
		buf_done(&seen);
		buf_done(&want);
	}
	buf_done(&out);
}

/* The block that GNU tar 1.34 writes for the same file with --format=ustar
 * --owner=0 --group=0 --numeric-owner, but for its "0000000" device numbers. */
static void header_is_ustar_byte_for_byte(void **state)
{
	struct buf out = BUF_INIT(100000);
	struct tar t;

	(void)state;
	tar_begin(&t, &out, 1700000000);
	tar_file(&t, "a/b.txt", 0640, 1000, 1001, "hi\n", 3);
	tar_finish(&t, NULL);
	assert_int_equal(out.len, 4 * 512);
	assert_string_equal(out.data, "a/b.txt");
	assert_memory_equal(out.data + 100, "0000640\0" "0001750\0" "0001751\0", 24);
	assert_memory_equal(out.data + 124, "00000000003\0" "14524770400\0", 24);
	assert_memory_equal(out.data + 156, "0", 1);
	assert_memory_equal(out.data + 257, "ustar\0" "00", 8);
	assert_memory_equal(out.data + 512, "hi\n\0", 4);
	buf_done(&out);
}

static char *long_path(size_t dirs, size_t name)
{
	struct buf b = BUF_INIT(10000);

	for (size_t i = 0; i < dirs; i++)
		buf_adds(&b, "ten-bytes/");
	for (size_t i = 0; i < name; i++)
		buf_addc(&b, (char)('a' + i % 26));
	return buf_steal(&b);
}

static void long_names_survive_in_prefix_or_pax(void **state)
{
	/* folders of 10 bytes, then a name: around each limit of the header */
	static const struct { size_t dirs, name, blocks; } cases[] = {
		{ 0, 100, 1 },	/* fits the name */
		{ 0, 101, 3 },	/* one long name: pax header, its data, header */
		{ 9, 11, 1 },	/* 101 bytes: cut at a '/' */
		{ 15, 100, 1 }, /* 149 + 100 */
		{ 16, 100, 3 }, /* the prefix would have 159 */
		{ 15, 101, 3 },
		{ 400, 50, 10 },/* 4050 bytes of path: 8 blocks of pax */
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buf out = BUF_INIT(100000), seen = BUF_INIT(100000);
		char *path = long_path(cases[i].dirs, cases[i].name);
		struct tar t;

		tar_begin(&t, &out, 0);
		tar_file(&t, path, 0644, 0, 0, NULL, 0);
		assert_int_equal(tar_finish(&t, NULL), 0);
		assert_int_equal(out.len / 512, cases[i].blocks + 2);
		assert_int_equal(read_all(&seen, out.data, out.len, 512, NULL), 0);
		assert_non_null(strstr(buf_str(&seen), path));
		free(path);
		buf_done(&out);
		buf_done(&seen);
	}
}

/* 100 bytes with the record's own length: the digits may add a digit. */
static void pax_record_counts_itself(void **state)
{
	(void)state;
	for (size_t len = 84; len <= 1010; len++) {
		struct buf out = BUF_INIT(100000), seen = BUF_INIT(100000);
		char *target = long_path(0, len);
		struct tar t;

		tar_begin(&t, &out, 0);
		tar_symlink(&t, "l", target, 0, 0);
		assert_int_equal(tar_finish(&t, NULL), 0);
		assert_int_equal(read_all(&seen, out.data, out.len, 4096, NULL), 0);
		assert_non_null(strstr(buf_str(&seen), target));
		assert_int_equal(strlen(strstr(buf_str(&seen), target)), len + strlen("\n.\n"));
		free(target);
		buf_done(&out);
		buf_done(&seen);
	}
}

static void folder_with_a_long_name_stays_a_folder(void **state)
{
	struct buf out = BUF_INIT(100000), seen = BUF_INIT(100000);
	char *path = long_path(9, 10);	/* 100 bytes, 101 with its '/' */
	struct tar t;

	(void)state;
	tar_begin(&t, &out, 0);
	tar_dir(&t, path, 0755, 0, 0);
	assert_int_equal(tar_finish(&t, NULL), 0);
	assert_int_equal(read_all(&seen, out.data, out.len, 512, NULL), 0);
	assert_int_equal(buf_str(&seen)[0], 'd');
	assert_non_null(strstr(buf_str(&seen), path));
	free(path);
	buf_done(&out);
	buf_done(&seen);
}

static void writer_refuses_what_it_cannot_say(void **state)
{
	char *huge = long_path(0, TAR_PATH_MAX + 1);
	const char *bad[] = { "", "/", "..", "../x", "a/../b", "a/..", huge };
	struct buf out = BUF_INIT(100000);
	struct err err = { 0 };
	struct tar t;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		buf_reset(&out);
		tar_begin(&t, &out, 0);
		assert_int_equal(tar_file(&t, bad[i], 0644, 0, 0, "x", 1), -1);
		assert_int_equal(tar_finish(&t, &err), -1);
	}
	buf_reset(&out);
	tar_begin(&t, &out, 0);
	assert_int_equal(tar_file(&t, "a/..b/c..", 0644, 0, 0, "x", 1), 0);
	assert_int_equal(tar_symlink(&t, "l", "", 0, 0), -1);
	assert_int_equal(tar_finish(&t, &err), -1);
	free(huge);
	buf_done(&out);
}

static void first_fault_stays_and_is_reported(void **state)
{
	struct buf out = BUF_INIT(2000);
	char data[1024] = { 0 };
	struct err err = { 0 };
	struct tar t;

	(void)state;
	tar_begin(&t, &out, 0);
	tar_file(&t, "one/../two", 0644, 0, 0, "x", 1);
	tar_file(&t, "fine", 0644, 0, 0, "x", 1);
	assert_int_equal(out.len, 0);
	assert_int_equal(tar_finish(&t, &err), -1);
	assert_non_null(strstr(err.msg, "one/../two: "));

	tar_begin(&t, &out, 0);
	tar_file(&t, "a", 0644, 0, 0, data, sizeof data);
	tar_file(&t, "b", 0644, 0, 0, data, sizeof data);
	assert_int_equal(tar_finish(&t, &err), -1);
	assert_non_null(strstr(err.msg, "ceiling"));
	buf_done(&out);
}

/* A header block as old and GNU tars write them; the checksum is set. */
static void raw_header(struct buf *b, const char *name, char type, const char *size)
{
	char h[512] = { 0 };
	unsigned sum = 8 * ' ';

	snprintf(h, 100, "%s", name);
	memcpy(h + 100, "0000644", 8);
	memcpy(h + 108, "0000001", 8);
	memcpy(h + 116, "0000002", 8);
	memcpy(h + 124, size, 12);
	memcpy(h + 136, "00000000007", 12);
	h[156] = type;
	memcpy(h + 257, "ustar  ", 8);
	for (size_t i = 0; i < sizeof h; i++)
		sum += (unsigned char)h[i];
	snprintf(h + 148, 8, "%06o", sum);
	buf_add(b, h, sizeof h);
}

static void raw_data(struct buf *b, const char *data, size_t len)
{
	static const char zeros[512];

	buf_add(b, data, len);
	buf_add(b, zeros, (512 - len % 512) % 512);
}

static void gnu_long_names_and_old_folders_are_read(void **state)
{
	struct buf b = BUF_INIT(100000), seen = BUF_INIT(100000);
	char *path = long_path(20, 120);

	(void)state;
	raw_header(&b, "././@LongLink", 'L', "00000000501");	/* 321: with its NUL */
	raw_data(&b, path, 321);
	raw_header(&b, "ten-bytes/ten", '0', "\x80\0\0\0\0\0\0\0\0\0\0\x02");
	raw_data(&b, "hi", 2);
	raw_header(&b, "old-folder/", '\0', "00000000000");
	raw_header(&b, "null", '3', "00000000000");
	assert_int_equal(read_all(&seen, b.data, b.len, 1000, NULL), 0);
	assert_non_null(strstr(buf_str(&seen), path));
	assert_non_null(strstr(buf_str(&seen), "\nhi.\nd 0644 1:2 @7 0 old-folder\n.\no "));
	free(path);
	buf_done(&b);
	buf_done(&seen);
}

static void pax_values_override_the_header(void **state)
{
	static const char pax[] = "14 path=other\n10 size=2\n18 uid=4000000000\n"
				  "8 gid=9\n21 mtime=1700.123456\n15 comment=any\n";
	struct buf b = BUF_INIT(100000), seen = BUF_INIT(100000);
	char size[16];

	(void)state;
	snprintf(size, sizeof size, "%011o", (unsigned)strlen(pax));
	raw_header(&b, "pax", 'x', size);
	raw_data(&b, pax, strlen(pax));
	raw_header(&b, "name", '0', "00000000001");
	raw_data(&b, "hi", 2);
	raw_header(&b, "next", '0', "00000000000");	/* the values were for one entry */
	assert_int_equal(read_all(&seen, b.data, b.len, 1000, NULL), 0);
	assert_string_equal(buf_str(&seen), "- 0644 4000000000:9 @1700 2 other\nhi.\n"
					    "- 0644 1:2 @7 0 next\n.\n");
	buf_done(&b);
	buf_done(&seen);
}

static void reader_refuses_what_is_broken(void **state)
{
	static const char *const bad_pax[] = {
		"999 path=x\n", "path=x\n", "9 path=x ", "5 ab\n", "0 a=b\n", "7 uid=-1",
		"11 uid=-10\n", "13 size=none\n", "22 GNU.sparse.major=1\n",
	};
	struct buf b = BUF_INIT(200000), seen = BUF_INIT(200000);
	struct err err = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof bad_pax / sizeof *bad_pax; i++) {
		char size[16];

		buf_reset(&b);
		snprintf(size, sizeof size, "%011o", (unsigned)strlen(bad_pax[i]));
		raw_header(&b, "pax", 'x', size);
		raw_data(&b, bad_pax[i], strlen(bad_pax[i]));
		raw_header(&b, "name", '0', "00000000000");
		assert_int_equal(read_all(&seen, b.data, b.len, 512, &err), -1);
	}
	buf_reset(&b);
	raw_header(&b, "pax", 'x', "00077777777");	/* 16 MB of names */
	assert_int_equal(read_all(&seen, b.data, b.len, 512, &err), -1);
	buf_reset(&b);
	raw_header(&b, "bad-size", '0', "0000000000z");
	assert_int_equal(read_all(&seen, b.data, b.len, 512, &err), -1);
	buf_reset(&b);
	raw_header(&b, "", '0', "00000000000");
	assert_int_equal(read_all(&seen, b.data, b.len, 512, &err), -1);
	buf_reset(&b);
	raw_header(&b, "flipped", '0', "00000000000");
	b.data[0] ^= 1;
	assert_int_equal(read_all(&seen, b.data, b.len, 512, &err), -1);
	assert_non_null(strstr(err.msg, "checksum"));
	buf_done(&b);
	buf_done(&seen);
}

static void cut_archive_is_told_from_a_whole_one(void **state)
{
	struct buf out = BUF_INIT(100000);
	struct tar t;

	(void)state;
	tar_begin(&t, &out, 0);
	tar_file(&t, "a", 0644, 0, 0, "hello", 5);
	tar_finish(&t, NULL);
	for (size_t len = 0; len <= out.len; len++) {
		struct buf seen = BUF_INIT(100000);
		/* nothing at all, after the entry, and from the first zero block on */
		bool is_whole = len == 0 || len == 1024 || len >= 1536;

		assert_int_equal(read_all(&seen, out.data, len, 512, NULL), is_whole ? 0 : -1);
		buf_done(&seen);
	}
	buf_done(&out);
}

static int refuse(void *arg, const struct tar_entry *e, struct err *err)
{
	(void)arg;
	return err_set(err, ERR_POLICY, "no %s here", e->path);
}

static void callback_ends_the_reading(void **state)
{
	static const struct tar_sink sink = { .on_entry = refuse };
	struct tar_reader *r = tar_reader_new(&sink, NULL);
	struct buf out = BUF_INIT(100000);
	struct err err = { 0 };
	struct tar t;

	(void)state;
	tar_begin(&t, &out, 0);
	tar_file(&t, "a", 0644, 0, 0, "hello", 5);
	tar_finish(&t, NULL);
	assert_int_equal(tar_reader_feed(r, out.data, out.len, &err), -1);
	assert_int_equal(err.kind, ERR_POLICY);
	assert_string_equal(err.msg, "no a here");
	tar_reader_free(r);
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_come_back_as_written),
		cmocka_unit_test(header_is_ustar_byte_for_byte),
		cmocka_unit_test(long_names_survive_in_prefix_or_pax),
		cmocka_unit_test(pax_record_counts_itself),
		cmocka_unit_test(folder_with_a_long_name_stays_a_folder),
		cmocka_unit_test(writer_refuses_what_it_cannot_say),
		cmocka_unit_test(first_fault_stays_and_is_reported),
		cmocka_unit_test(gnu_long_names_and_old_folders_are_read),
		cmocka_unit_test(pax_values_override_the_header),
		cmocka_unit_test(reader_refuses_what_is_broken),
		cmocka_unit_test(cut_archive_is_told_from_a_whole_one),
		cmocka_unit_test(callback_ends_the_reading),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
