#include "selfcheck.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report.h"

bool selfcheck_field(char *out, size_t cap, const char *status, const char *key)
{
	size_t key_len = strlen(key), len;
	const char *s = status;

	while (strncmp(s, key, key_len) != 0 || s[key_len] != ':') {
		s = strchr(s, '\n');
		if (s == NULL)
			return false;
		s++;
	}
	s += key_len + 1;
	s += strspn(s, " \t");
	len = strcspn(s, "\n");
	while (len > 0 && (s[len - 1] == ' ' || s[len - 1] == '\t'))
		len--;
	if (len >= cap)
		return false;
	memcpy(out, s, len);
	out[len] = '\0';
	return true;
}

static bool is_one_of(const char *s, const char *const *list)
{
	for (; *list != NULL; list++)
		if (strcmp(s, *list) == 0)
			return true;
	return false;
}

/* Mount points that every engine lays over the image with files of its own. */
static const char *const engine_mounts[] = {
	"/",
	"/etc/resolv.conf",
	"/etc/hostname",
	"/etc/hosts",
	"/sbin/docker-init",
	"/usr/sbin/docker-init",	/* where sbin is a link */
	"/run/.containerenv",
	"/dev/init",
	NULL,
};
static const char *const kernel_types[] = {
	"proc", "sysfs", "devpts", "mqueue", "cgroup", "cgroup2", "shm", NULL,
};

bool selfcheck_mount(char *where, size_t cap, const char *line)
{
	char root[256], point[256], type[64];
	const char *dash = strstr(line, " - ");

	snprintf(where, cap, "%s", "an unreadable line");
	if (dash == NULL || sscanf(line, "%*s %*s %*s %255s %255s", root, point) != 2 ||
	    sscanf(dash + 3, "%63s", type) != 1)
		return false;
	snprintf(where, cap, "%s", point);
	if (is_one_of(point, engine_mounts) || is_one_of(type, kernel_types))
		return true;
	/* a whole tmpfs is the container's own; a part of one is somebody's file, but
	 * under /proc and /sys, where the engine masks paths with such parts */
	if (strcmp(type, "tmpfs") == 0)
		return strcmp(root, "/") == 0 || strncmp(point, "/proc/", 6) == 0 ||
		       strncmp(point, "/sys/", 5) == 0;
	return false;
}

/* Whole small file as a string; "" when it cannot be read. */
static const char *read_text(const char *path)
{
	static char text[64 * 1024];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t n = 0;
	ssize_t got;

	text[0] = '\0';
	if (fd < 0)
		return text;
	while (n < sizeof text - 1 && (got = read(fd, text + n, sizeof text - 1 - n)) > 0)
		n += (size_t)got;
	close(fd);
	text[n] = '\0';
	return text;
}

static void check_user(struct report *r)
{
	uid_t real, effective, saved;
	char seen[64];
	bool ok = getresuid(&real, &effective, &saved) == 0;

	snprintf(seen, sizeof seen, "uid %u, effective %u, saved %u", (unsigned)real,
		 (unsigned)effective, (unsigned)saved);
	report_check(r, "user", "", ok && real != 0 && effective != 0 && saved != 0, REPORT_MUST, 0,
		     seen);
}

static void check_capabilities(struct report *r, const char *status)
{
	static const char *const sets[] = { "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb" };
	char value[32], seen[192] = "";
	bool ok = true;

	for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) {
		size_t n = strlen(seen);

		if (!selfcheck_field(value, sizeof value, status, sets[i]))
			snprintf(value, sizeof value, "absent");
		if (value[0] != '\0' && strspn(value, "0") == strlen(value))
			continue;
		ok = false;
		snprintf(seen + n, sizeof seen - n, "%s%s %s", n == 0 ? "" : ", ", sets[i], value);
	}
	report_check(r, "capabilities", "", ok, REPORT_MUST, 0, ok ? "none in any set" : seen);
}

static void check_field(struct report *r, const char *check, const char *status, const char *key,
			const char *want, enum report_level level)
{
	char value[32], seen[64];

	if (!selfcheck_field(value, sizeof value, status, key))
		snprintf(value, sizeof value, "absent");
	snprintf(seen, sizeof seen, "%s %s, wanted %s", key, value, want);
	report_check(r, check, "", strcmp(value, want) == 0, level, 0, seen);
}

static void check_sockets(struct report *r)
{
	static const char *const paths[] = {
		"/var/run/docker.sock",
		"/run/docker.sock",
		"/run/containerd/containerd.sock",
		"/var/run/containerd/containerd.sock",
		"/run/podman/podman.sock",
		"/run/crio/crio.sock",
		"/run/buildkit/buildkitd.sock",
	};
	const char *found = NULL;
	struct stat st;

	for (size_t i = 0; found == NULL && i < sizeof paths / sizeof paths[0]; i++)
		if (lstat(paths[i], &st) == 0)
			found = paths[i];
	report_check(r, "engine-socket", found == NULL ? "" : found, found == NULL, REPORT_MUST, 0,
		     found == NULL ? "no engine's socket is here" : "an engine's socket is here");
}

static void check_mounts(struct report *r)
{
	const char *s = read_text("/proc/self/mountinfo");
	char line[1024], where[256] = "/proc/self/mountinfo";
	bool ok = *s != '\0';

	while (ok && *s != '\0') {
		size_t len = strcspn(s, "\n");

		snprintf(line, sizeof line, "%.*s", (int)len, s);
		ok = selfcheck_mount(where, sizeof where, line);
		s += len + (s[len] == '\n');
	}
	report_check(r, "host-mounts", ok ? "" : where, ok, REPORT_MUST, 0,
		     ok ? "only the engine's own" : "a mount that is not the engine's own");
}

static void check_kernel_files(struct report *r)
{
	static const char *const paths[] = {
		"/proc/sysrq-trigger",
		"/proc/sys/kernel/core_pattern",
		"/proc/sys/kernel/modprobe",
		"/sys",
		"/sys/kernel/uevent_helper",
		"/sys/fs/cgroup",
		"/dev/mem",
	};
	const char *found = NULL;

	for (size_t i = 0; found == NULL && i < sizeof paths / sizeof paths[0]; i++)
		if (access(paths[i], W_OK) == 0)
			found = paths[i];
	report_check(r, "kernel-files", found == NULL ? "" : found, found == NULL, REPORT_MUST, 0,
		     found == NULL ? "none can be written" : "can be written");
}

static void check_devices(struct report *r)
{
	DIR *d = opendir("/dev");
	char found[300] = "";
	struct dirent *e;
	struct stat st;

	while (d != NULL && found[0] == '\0' && (e = readdir(d)) != NULL)
		if (fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISBLK(st.st_mode))
			snprintf(found, sizeof found, "/dev/%s", e->d_name);
	report_check(r, "block-devices", found, d != NULL && found[0] == '\0', REPORT_MUST, 0,
		     d == NULL          ? "/dev cannot be listed"
		     : found[0] == '\0' ? "none in /dev"
					: "a block device is here");
	if (d != NULL)
		closedir(d);
}

/* Who may rename our folder, or write into it, could put a liar in the place of this
 * program before the next check. */
static void check_helper(struct report *r)
{
	static const char *const paths[] = { "/", "/claude-bottle", "/claude-bottle/helper" };
	const char *found = NULL;
	struct stat st;

	for (size_t i = 0; found == NULL && i < sizeof paths / sizeof paths[0]; i++)
		if (lstat(paths[i], &st) < 0 || S_ISLNK(st.st_mode) || st.st_uid != 0 ||
		    access(paths[i], W_OK) == 0)
			found = paths[i];
	report_check(r, "helper-kept", found == NULL ? "" : found, found == NULL, REPORT_MUST, 0,
		     found == NULL ? "root's, and cannot be replaced"
				   : "must be root's and not writable: mend the agent's image");
}

int selfcheck_main(int argc, char **argv)
{
	bool runsc = argc == 1 && strcmp(argv[0], "--runsc") == 0;
	/* runsc filters outside the sandbox, so what its own kernel shows here is no measure */
	enum report_level level = runsc ? REPORT_WARN : REPORT_MUST;
	struct report r = { 0 };
	const char *status;

	if (argc > (runsc ? 1 : 0)) {
		fputs("usage: helper selfcheck [--runsc]\n", stderr);
		return 2;
	}
	status = read_text("/proc/self/status");
	check_user(&r);
	check_capabilities(&r, status);
	check_field(&r, "no-new-privileges", status, "NoNewPrivs", "1", level);
	check_field(&r, "seccomp", status, "Seccomp", "2", level);
	check_sockets(&r);
	check_mounts(&r);
	check_kernel_files(&r);
	check_devices(&r);
	check_helper(&r);
	return report_done(&r);
}
