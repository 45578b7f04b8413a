/* Any bytes through core/json. A tree without faults must have spans that lie
 * inside one another, and its strings must survive being written and read. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_node(const struct json_doc *doc, const struct json_node *node)
{
	size_t n = 0;

	if (node->at.start >= node->at.end || node->at.end > doc->len || node->at.line == 0)
		abort();
	if (node->key && node->key_at.end > node->at.start)
		abort();
	if (node->type == JSON_STRING) {
		struct buf b = BUF_INIT(JSON_BYTES_MAX * 12);
		struct faults faults = { 0 };
		struct json_doc *again;

		json_escape(&b, node->string);
		again = json_parse(buf_str(&b), b.len, 0, "again", &faults);
		if (b.len <= JSON_BYTES_MAX &&
		    (!again || faults.n || strcmp(again->root->string, node->string) != 0))
			abort();
		json_free(again);
		faults_done(&faults);
		buf_done(&b);
	}
	for (const struct json_node *c = node->first; c; c = c->next, n++) {
		if (c->parent != node || c->index != n || c->at.start < node->at.start ||
		    c->at.end > node->at.end)
			abort();
		check_node(doc, c);
	}
	if (n != node->n)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct faults faults = { 0 };
	struct buf text = BUF_INIT(16 << 20);
	struct json_doc *doc = json_parse((const char *)data, size, 0, "fuzz", &faults);

	if (doc)
		check_node(doc, doc->root);
	else if (faults.n_errors == 0)
		abort();
	faults_text(&faults, &text);
	faults_json(&faults, &text);
	buf_done(&text);
	faults_done(&faults);
	json_free(doc);
	return 0;
}
