/* A folder for one test, removed after it. */
#ifndef TESTS_TEMP_DIR_H
#define TESTS_TEMP_DIR_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/mem.h"

static char temp_dir[] = "/tmp/cb-test-XXXXXX";
static char temp_path_buf[8][512];

/* temp_dir/name; good for the next seven calls. */
static inline const char *temp_path(const char *name)
{
	static unsigned turn;
	char *p = temp_path_buf[turn++ % 8];

	snprintf(p, sizeof temp_path_buf[0], "%s/%s", temp_dir, name);
	return p;
}

static inline int temp_dir_make(void **state)
{
	(void)state;
	memcpy(temp_dir + strlen(temp_dir) - 6, "XXXXXX", 6);
	return mkdtemp(temp_dir) ? 0 : -1;
}

static inline int temp_dir_rm(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline int temp_dir_drop(void **state)
{
	(void)state;
	return nftw(temp_dir, temp_dir_rm, 16, FTW_DEPTH | FTW_PHYS);
}

static inline void temp_write(const char *name, const char *text)
{
	FILE *f = fopen(temp_path(name), "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

#endif
