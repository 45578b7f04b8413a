#include "cli/cli.h"
#include "docker/backend_docker.h"

int main(int argc, char **argv)
{
	return cli_main(&backend_docker, argc, argv);
}
