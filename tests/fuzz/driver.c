/* A stand-in for libFuzzer's main: runs the target once over every file of the
 * folders named, so that the corpus is a regression test with any compiler.
 * Prints TAP with one line for each folder. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int run_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	struct stat st;
	uint8_t *data;
	size_t n;

	if (!f || fstat(fileno(f), &st) < 0)
		return -1;
	if (!S_ISREG(st.st_mode)) {
		fclose(f);
		return 0;
	}
	/* exactly as large as the file, so that ASan sees a read past its end */
	data = malloc((size_t)st.st_size + !st.st_size);
	n = data ? fread(data, 1, (size_t)st.st_size, f) : 0;
	fclose(f);
	if (data)
		LLVMFuzzerTestOneInput(data, n);
	free(data);
	return 1;
}

int main(int argc, char **argv)
{
	int failed = 0;

	printf("1..%d\n", argc - 1);
	for (int i = 1; i < argc; i++) {
		DIR *dir = opendir(argv[i]);
		const struct dirent *de;
		int n = 0, rc = 0;

		while (dir && rc >= 0 && (de = readdir(dir))) {
			char path[4096];

			snprintf(path, sizeof path, "%s/%s", argv[i], de->d_name);
			rc = run_file(path);
			n += rc > 0;
		}
		if (dir)
			closedir(dir);
		printf("%s %d - %s: %d inputs\n", rc >= 0 && n > 0 ? "ok" : "not ok", i, argv[i],
		       n);
		failed |= rc < 0 || n == 0;
	}
	return failed;
}
