#include "docker/inspect.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/isolation.h"
#include "core/mem.h"
#include "docker/spec.h"

static const cJSON *get(const cJSON *o, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(o, key);
}

static bool is_string(const cJSON *o, const char *key, const char *want)
{
	const char *s = cJSON_GetStringValue(get(o, key));

	return s && strcmp(s, want) == 0;
}

/* null, absent and [] are all empty. */
static bool is_empty(const cJSON *item)
{
	return !item || cJSON_IsNull(item) || cJSON_GetArraySize(item) == 0;
}

static bool list_has(const cJSON *array, const char *want)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, array)
		if (cJSON_IsString(item) && strcmp(item->valuestring, want) == 0)
			return true;
	return false;
}

/* "host", and "container:..." of anybody, would share what must be its own. */
static bool is_private(const cJSON *host, const char *key)
{
	const char *s = cJSON_GetStringValue(get(host, key));

	return !s || !*s || strcmp(s, "private") == 0;
}

static bool only_network(const cJSON *json, const char *session)
{
	const cJSON *networks = get(get(json, "NetworkSettings"), "Networks");
	CLEANUP_FREE char *name = spec_network(session, false);

	return cJSON_GetArraySize(networks) == 1 && get(networks, name);
}

void inspect_agent(const cJSON *json, const char *session, struct isolation *iso)
{
	const cJSON *host = get(json, "HostConfig"), *config = get(json, "Config");
	const cJSON *mounts = get(json, "Mounts");
	const struct {
		const char *check;
		bool ok;
		const char *detail;
	} checks[] = {
		{ "engine-user", is_string(config, "User", "1000:1000"),
		  "it runs as another user" },
		{ "engine-privileges",
		  cJSON_IsFalse(get(host, "Privileged")) && is_empty(get(host, "CapAdd")) &&
			  list_has(get(host, "CapDrop"), "ALL") &&
			  list_has(get(host, "SecurityOpt"), "no-new-privileges"),
		  "capabilities were not dropped" },
		{ "engine-mounts",
		  is_empty(mounts) && is_empty(get(host, "Binds")) &&
			  is_empty(get(host, "Devices")),
		  "something of the host is mounted" },
		{ "engine-namespaces",
		  is_private(host, "PidMode") && is_private(host, "IpcMode") &&
			  is_private(host, "UTSMode") && is_private(host, "UsernsMode"),
		  "a namespace of the host is shared" },
		{ "engine-network", only_network(json, session),
		  "it is not on its internal network alone" },
		{ "engine-ports", is_empty(get(host, "PortBindings")), "a port is published" },
		{ "engine-limits",
		  cJSON_GetNumberValue(get(host, "Memory")) > 0 &&
			  cJSON_GetNumberValue(get(host, "PidsLimit")) > 0,
		  "it has no memory or process limit" },
	};

	for (size_t i = 0; i < sizeof checks / sizeof *checks; i++)
		isolation_note(iso, checks[i].check, "", checks[i].ok, true,
		               checks[i].ok ? "" : checks[i].detail);
}
