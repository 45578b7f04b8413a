#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cli/cli.h"
#include "core/loop.h"
#include "core/mem.h"
#include "core/text.h"
#include "docker/engine.h"
#include "docker/images.h"

/* --- list ------------------------------------------------------------------------ */

static const char *state_word(const struct image_info *i)
{
	if (i->state == IMAGE_MISSING)
		return "missing";
	return i->state == IMAGE_STALE ? "stale" : "current";
}

static void list_text(struct buf *b, const struct image_info *list, size_t n)
{
	buf_addf(b, "%-13s %-8s %10s  %s\n", "IMAGE", "STATE", "SIZE", "REFERENCE");
	for (size_t i = 0; i < n; i++) {
		char size[32] = "-";

		if (list[i].size > 0)
			snprintf(size, sizeof size, "%.1f MB", (double)list[i].size / 1e6);
		buf_addf(b, "%-13s %-8s %10s  ", list[i].name, state_word(&list[i]), size);
		text_safe_str(b, list[i].ref, 0);
		buf_adds(b, list[i].is_named ? "  (named by the environment)\n" : "\n");
	}
}

static void list_json(struct buf *b, const struct image_info *list, size_t n)
{
	buf_adds(b, "[");
	for (size_t i = 0; i < n; i++) {
		buf_addf(b, "%s\n {\"name\":\"%s\",\"state\":\"%s\",\"ref\":", i ? "," : "",
		         list[i].name, state_word(&list[i]));
		text_add_json(b, list[i].ref, strlen(list[i].ref));
		buf_addf(b, ",\"named\":%s,\"needed\":%s,\"size\":%llu,\"created\":%lld}",
		         list[i].is_named ? "true" : "false", list[i].is_needed ? "true" : "false",
		         (unsigned long long)list[i].size, (long long)list[i].created);
	}
	buf_adds(b, "\n]\n");
}

static int show_list(const struct images *im, struct engine *e, bool is_json, struct err *err)
{
	struct buf b = BUF_INIT(CLI_OUTPUT_MAX);
	struct image_info *list;
	size_t n, to_do = 0;
	int code;

	if (images_list(im, e, &list, &n, err) < 0)
		return cli_fail(err);
	if (is_json)
		list_json(&b, list, n);
	else
		list_text(&b, list, n);
	code = cli_print(&b);
	for (size_t i = 0; i < n; i++)
		to_do += list[i].is_needed && list[i].state != IMAGE_CURRENT;
	if (to_do > 0 && !is_json)
		cli_say("%zu of the images that a launch needs are not current: "
		        "\"claude-bottle images build\" makes them", to_do);
	images_info_free(list, n);
	buf_done(&b);
	return code;
}

/* --- build and pull ---------------------------------------------------------------- */

struct work {
	struct images_job *job;
	bool is_verbose, is_terminal;
	bool is_done, was_stopped;
	bool has_status;	/* a line of the moment stands on the terminal */
	size_t n_lines;
	struct err err;		/* kind ERR_NONE when all went well */
};

static size_t columns(void)
{
	struct winsize ws;

	return ioctl(STDERR_FILENO, TIOCGWINSZ, &ws) == 0 && ws.ws_col > 20 ? ws.ws_col : 80;
}

static void clear_status(struct work *w)
{
	if (w->has_status)
		fputs("\r\033[K", stderr);
	w->has_status = false;
}

/* What goes by: the terminal's last line, overwritten by what comes next. */
static void show_status(struct work *w, const char *image, const char *text)
{
	struct buf line = BUF_INIT(1024);

	if (!w->is_terminal)
		return;
	buf_addf(&line, "  %s: ", image);
	text_safe(&line, text, strlen(text), columns() - line.len - 1, true);
	fprintf(stderr, "\r\033[K%s", buf_str(&line));
	fflush(stderr);
	w->has_status = true;
	buf_done(&line);
}

static void on_line(void *arg, const char *image, enum images_line kind, const char *text)
{
	struct work *w = arg;

	w->n_lines++;
	if (kind == IMAGES_PROGRESS || (kind == IMAGES_OUTPUT && !w->is_verbose)) {
		show_status(w, image, text);
		return;
	}
	clear_status(w);
	if (kind == IMAGES_FAILED)	/* says which image itself */
		cli_say("claude-bottle: %s", text);
	else if (kind == IMAGES_OUTPUT)
		cli_say("  | %s", text);
	else
		cli_say("%s%s: %s", kind == IMAGES_STEP ? "  " : "", image, text);
}

static void on_done(void *arg, const struct err *err)
{
	struct work *w = arg;

	w->job = NULL;
	w->is_done = true;
	if (err)
		w->err = *err;
}

static void on_signal(void *arg, int fd, unsigned events)
{
	struct work *w = arg;
	struct signalfd_siginfo info;

	(void)events;
	if (read(fd, &info, sizeof info) != sizeof info)
		return;
	images_cancel(w->job);
	w->job = NULL;
	w->is_done = w->was_stopped = true;
}

/* Interrupted, we end what runs here and in the engine before we go. */
static int watch_signals(struct cli *c, struct work *w, struct err *err)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return err_errno(err, ERR_FAILED, errno, "signalfd");
	if (loop_fd_set(c->loop, fd, LOOP_READ, on_signal, w, err) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static int work_result(const struct work *w, bool is_pull)
{
	if (w->was_stopped) {
		cli_say("claude-bottle: stopped; what was built so far is kept");
		return 1;
	}
	if (w->err.kind == ERR_NONE && w->n_lines == 0)
		cli_say(is_pull ? "nothing to pull" : "every image is current");
	return err_exit_code(w->err.kind);	/* said by IMAGES_FAILED */
}

static int do_work(struct cli *c, struct images *im, struct engine *e, char *const *names,
                   unsigned flags, bool is_verbose, struct err *err)
{
	static const struct images_watch watch = { on_line, on_done };
	struct work w = { .is_verbose = is_verbose, .is_terminal = isatty(STDERR_FILENO) };
	int fd, code;

	if (images_build(&w.job, im, e, names, flags, &watch, &w, err) < 0)
		return cli_fail(err);
	fd = watch_signals(c, &w, err);
	if (fd < 0 || cli_wait(c, &w.is_done, err) < 0) {
		images_cancel(w.job);
		code = cli_fail(err);
	} else {
		clear_status(&w);
		code = work_result(&w, flags & IMAGES_PULL_ONLY);
	}
	if (fd >= 0) {
		loop_fd_remove(c->loop, fd);
		close(fd);
	}
	return code;
}

/* --- the verb ------------------------------------------------------------------------ */

struct request {
	const char *what;
	char *const *names;
	bool is_json, is_verbose, is_fresh;
};

static int carry_out(struct cli *c, const struct request *r)
{
	struct images *im = NULL;
	struct engine *e = NULL;
	struct err err = { 0 };
	int code;

	if (images_load(&im, &err) < 0 || engine_open(&e, c->loop, NULL, &err) < 0 ||
	    engine_connect(e, &err) < 0)
		code = cli_fail(&err);
	else if (strcmp(r->what, "list") == 0)
		code = show_list(im, e, r->is_json, &err);
	else
		code = do_work(c, im, e, r->names,
		               strcmp(r->what, "pull") == 0 ? IMAGES_PULL_ONLY
		               : r->is_fresh                ? IMAGES_FRESH
		                                            : 0,
		               r->is_verbose, &err);
	engine_close(e);
	images_free(im);
	return code;
}

static int run_images(struct cli *c, int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "fresh", no_argument, NULL, 'f' },
		{ 0 },
	};
	struct request r = { 0 };
	bool is_list, is_build;
	int opt;

	while ((opt = getopt_long(argc, argv, "v", options, NULL)) != -1) {
		if (opt == '?')
			return cli_bad_option(&verb_images, argv);
		r.is_json |= opt == 'j';
		r.is_verbose |= opt == 'v';
		r.is_fresh |= opt == 'f';
	}
	if (optind == argc)
		return cli_usage(&verb_images, "build, pull or list?");
	r.what = argv[optind];
	r.names = argv + optind + 1;
	is_list = strcmp(r.what, "list") == 0;
	is_build = strcmp(r.what, "build") == 0;
	if (!is_list && !is_build && strcmp(r.what, "pull") != 0)
		return cli_usage(&verb_images, "\"%s\" is not build, pull or list", r.what);
	if (is_list && *r.names)
		return cli_usage(&verb_images, "list takes no name");
	if ((r.is_json && !is_list) || (r.is_fresh && !is_build))
		return cli_usage(&verb_images, "--%s is not for %s", r.is_json ? "json" : "fresh",
		                 r.what);
	return carry_out(c, &r);
}

const struct cli_verb verb_images = {
	.name = "images",
	.arguments = "build|pull|list [NAME...]",
	.summary = "build, pull or list the container images that a bottle needs",
	.help = "  build [NAME...]  make what is missing or stale, and what it stands on\n"
	        "    --fresh        again from today's packages, even what is current\n"
	        "    -v, --verbose  with all that the builds print\n"
	        "  pull [NAME...]   pull what is pinned, build nothing\n"
	        "  list [--json]    what there is: current, stale or missing\n"
	        "\n"
	        "Example: claude-bottle images build agent\n",
	.run = run_images,
};
