/* Did the engine do what was asked? Checks on GET /containers/ID/json of the
 * agent: an engine may ignore what it does not know. */
#ifndef DOCKER_INSPECT_H
#define DOCKER_INSPECT_H

struct cJSON;
struct isolation;

void inspect_agent(const struct cJSON *json, const char *session, struct isolation *iso);

#endif
