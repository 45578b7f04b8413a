/* What docker/engine and docker/hijack share: the libcurl handles on one multi.
 * Nobody else includes this. */
#ifndef DOCKER_ENGINE_CURL_H
#define DOCKER_ENGINE_CURL_H

#include <curl/curl.h>
#include <stdbool.h>

struct engine;

/* The first member of whatever owns an easy handle in the engine's multi;
 * CURLOPT_PRIVATE points to it. */
struct engine_handle {
	CURL *easy;
	void (*on_done)(struct engine_handle *h, CURLcode code);
};

/* A handle set up for the engine's endpoint, path included (not added yet). */
CURL *engine_easy(struct engine *e, struct engine_handle *owner, const char *path,
                  bool is_unversioned);

CURLM *engine_multi(const struct engine *e);

/* Nudge libcurl after adding a handle; safe from any callback. */
void engine_kick(struct engine *e);

/* libcurl is on the stack: handles may not be added or removed now. */
bool engine_is_in_libcurl(const struct engine *e);

#endif
