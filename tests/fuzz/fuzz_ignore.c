/* Any bytes as rules and path: the first line is a path, the rest a .gitignore.
 * What an "!" in front of every rule gives must not be ignored. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/ignore.h"
#include "core/mem.h"
#include "core/repo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	const char *nl = size ? memchr(text, '\n', size) : NULL;
	size_t len = nl ? (size_t)(nl - text) : size;
	char *path = xstrndup(text, len);
	struct ignore *outer = ignore_parse("*\n", 2, "", false, NULL);
	struct ignore *none = ignore_parse("!*\n", 3, "", true, outer);
	struct ignore *ig;

	if (ignore_has(none, path, false) || !ignore_has(outer, path, true))
		abort();
	if (nl) {
		ig = ignore_parse(nl + 1, size - len - 1, "", size % 2, none);
		ignore_has(ig, path, false);
		ignore_has(ig, path, true);
		ignore_free(ig);
	}
	ignore_free(none);
	ignore_free(outer);

	/* The same bytes as a URL: nothing before an '@' of its host survives. */
	char *url = repo_url_public(path);
	if (url && strncmp(url, "https://", 8) == 0 && strchr(url, '@') &&
	    strcspn(url + 8, "@") < strcspn(url + 8, "/"))
		abort();
	free(url);
	free(path);
	return 0;
}
