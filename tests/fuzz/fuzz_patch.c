/* A gate's answer about one push, the record and the diff, as far as the model. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/patch.h"
#include "core/push.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void check(const struct patch *p, const struct push *push)
{
	size_t lines = 0, files = 0;

	must(p->n_commits <= PATCH_COMMITS_MAX);
	for (size_t i = 0; i < p->n_commits; i++) {
		files += p->commits[i].n_files;
		for (size_t k = 0; k < p->commits[i].n_files; k++) {
			const struct patch_file *f = &p->commits[i].files[k];

			must(f->old_path && f->new_path);
			for (size_t h = 0; h < f->n_hunks; h++) {
				lines += f->hunks[h].n_lines;
				for (size_t n = 0; n < f->hunks[h].n_lines; n++) {
					const struct patch_line *l = &f->hunks[h].lines[n];

					must(l->text + l->len <= p->text + push->diff_len);
					must(l->finding < (int)push->n_findings);
					must(!memchr(l->text, '\0', l->len));
				}
			}
		}
	}
	must(lines == p->n_lines && lines <= PATCH_LINES_MAX && files <= PATCH_FILES_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct push_list list = { 0 };
	struct push push = { 0 };
	struct patch *patch = NULL;
	struct buf json = BUF_INIT(64u << 20);

	if (push_list_parse(&list, (const char *)data, size, NULL) == 0)
		push_list_done(&list);
	if (push_parse(&push, (const char *)data, size, NULL) < 0) {
		/* the fuzzer should not have to write a record before every diff */
		push.id = strdup("00000000");
		push.diff = strndup((const char *)data, size);
		push.diff_len = push.diff ? strlen(push.diff) : 0;
	} else {
		push_json(&json, "s", &push, true);
		buf_done(&json);
	}
	if (push.diff && patch_read(&patch, &push, NULL) == 0) {
		check(patch, &push);
		patch_free(patch);
	}
	push_done(&push);
	return 0;
}
