/* The Docker backend: core/backend's seam over a Docker Engine. */
#ifndef DOCKER_BACKEND_DOCKER_H
#define DOCKER_BACKEND_DOCKER_H

#include "core/backend.h"

extern const struct backend_ops backend_docker;

#endif
