#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		puts("claude-bottle " VERSION);
		return 0;
	}
	fputs("usage: claude-bottle --version\n", stderr);
	return 2;
}
