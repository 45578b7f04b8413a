#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/demo_run.h"
#include "core/file.h"
#include "core/install.h"
#include "core/lock.h"
#include "core/loop.h"
#include "core/manifest.h"
#include "core/mem.h"
#include "core/plan.h"
#include "docker/datadir.h"
#include "docker/demo_upstream.h"
#include "docker/engine.h"
#include "docker/images.h"

#define MANIFEST_MAX 65536u
#define READY_TIMEOUT_MS 20000u
#define AGENT "demo"
#define UPSTREAM_IMAGE "demo-upstream"

/* --- waiting ------------------------------------------------------------------------- */

static void on_interrupt(void *arg)
{
	(void)arg;
	cli_say("interrupted: removing everything");
}

int demo_wait(struct demo_run *d, const bool *done, unsigned ms, bool *was_late, struct err *err)
{
	const uint64_t until = loop_now_ns() + ms * UINT64_C(1000000);

	while (!*done) {
		uint64_t now = loop_now_ns();

		if (d->interrupt.signal)
			return err_set(err, ERR_FAILED, "interrupted");
		if (now >= until) {
			if (was_late)
				*was_late = true;
			return err_set(err, ERR_FAILED, "nothing came for %u ms", ms);
		}
		if (loop_turn(d->cli->loop, (int)((until - now) / 1000000 + 1), err) < 0)
			return -1;
	}
	return 0;
}

static double seconds_since(uint64_t ns)
{
	return (double)(loop_now_ns() - ns) / 1e9;
}

/* --- files that are in memory alone --------------------------------------------------- */

/* A path that this program can read the bytes from; nothing is on any disk, and
 * closing *fd is the end of them. */
static char *memory_file(const struct buf *b, int *fd, struct err *err)
{
	*fd = memfd_create("claude-bottle-demo", MFD_CLOEXEC);
	if (*fd < 0 || write(*fd, b->data, b->len) != (ssize_t)b->len) {
		err_errno(err, ERR_FAILED, errno, "a file in memory");
		return NULL;
	}
	return xasprintf("/proc/self/fd/%d", *fd);
}

struct memory_files {
	int identity_fd, ca_fd;
	char *identity, *ca;
};

static void memory_files_done(struct memory_files *m)
{
	if (m->identity_fd >= 0)
		close(m->identity_fd);
	if (m->ca_fd >= 0)
		close(m->ca_fd);
	free(m->identity);
	free(m->ca);
}

/* --- the manifest ----------------------------------------------------------------------- */

static int read_template(struct buf *out, char **path, struct err *err)
{
	struct datadir dirs;

	if (datadir_find(&dirs, getenv("CLAUDE_BOTTLE_DATADIR"), NULL, err) < 0)
		return -1;
	*path = xasprintf("%s/../claude-bottle.demo.json", dirs.images);
	datadir_done(&dirs);
	if (file_read(*path, out) < 0)
		return err_errno(err, ERR_FAILED, errno, "%s", *path);
	return 0;
}

/* The program's manifest is the demo's, whatever others there are. */
static int load_manifest(struct demo_run *d, const char *identity, struct err *err)
{
	struct cli *c = d->cli;
	const struct manifest_env env = manifest_env_real(c->paths.home, c->cwd);
	struct buf template = BUF_INIT(MANIFEST_MAX), json = BUF_INIT(MANIFEST_MAX);
	CLEANUP_FREE char *path = NULL;
	int rc = read_template(&template, &path, err);

	if (rc == 0)
		rc = demo_manifest(&json, buf_str(&template), identity,
		                   buf_str(&d->keys.host.public_line), err);
	if (rc == 0) {
		const struct manifest_source source = { .origin = MANIFEST_NAMED,
			                                .path = path,
			                                .dir = c->cwd,
			                                .data = buf_str(&json),
			                                .len = json.len,
			                                .is_trusted = true };

		c->manifest = manifest_parse(&source, 1, &env);
	}
	buf_done(&template);
	buf_done(&json);
	return rc;
}

/* --- up ------------------------------------------------------------------------------------ */

/* Its image, checked before anything is made. The caller frees it. */
static char *upstream_image(struct demo_run *d, struct err *err)
{
	struct images *im = NULL;
	bool is_there = false, is_standin;
	char *ref = NULL;

	if (images_load(&im, err) < 0)
		return NULL;
	ref = xstrdup_or_null(images_ref(im, UPSTREAM_IMAGE));
	images_free(im);
	if (!ref) {
		err_set(err, ERR_FAILED, "this installation has no image " UPSTREAM_IMAGE);
		return NULL;
	}
	if (demo_image_look(d->engine, ref, &is_there, &is_standin, err) == 0) {
		if (is_there)
			return ref;
		err_set(err, ERR_FAILED,
		        "the engine has no image %s; run \"claude-bottle images "
		        "build " UPSTREAM_IMAGE "\"",
		        ref);
	}
	free(ref);
	return NULL;
}

static int launch(struct demo_run *d, const struct memory_files *files, struct err *err)
{
	char label[RANDOM_ID_SIZE];
	struct cli_launched launched = { 0 };
	struct cli_launch what = { .agent = AGENT,
		                   .label = label,
		                   .yes = true,
		                   .interrupt = &d->interrupt,
		                   .launched = &launched };
	const uint64_t began = loop_now_ns();
	CLEANUP_FREE char *attended = NULL;

	if (random_id(label, err) < 0 || load_manifest(d, files->identity, err) < 0)
		return -1;
	label[6] = '\0';
	/* for the end, even when the launch was not all undone */
	d->cli->keeps_no_events = true;
	d->table.session = xasprintf(AGENT "--%s", label);
	if (cli_launch(d->cli, &what, err) < 0)
		return -1;
	d->plan = launched.plan;
	attended = lock_attended(d->plan->session);
	d->lock = lock_take(d->cli->lock_dir, attended, err);
	if (d->lock < 0)
		return -1;
	d->table.isolation_passed = launched.isolation.passed;
	d->table.isolation_total = launched.isolation.total;
	d->table.launch_s = seconds_since(began);
	return 0;
}

/* The keys leave memory as soon as who needs them has them. */
static int bring_up(struct demo_run *d, struct err *err)
{
	static const char *const hosts[] = { DEMO_FILES_HOST, DEMO_UNLISTED_HOST, DEMO_GIT_HOST,
		                             NULL };
	struct memory_files files = { .identity_fd = -1, .ca_fd = -1 };
	int rc = demo_keys_make(&d->keys, hosts, err);

	if (rc == 0 && (!(files.identity = memory_file(&d->keys.identity.private_pem,
	                                               &files.identity_fd, err)) ||
	                !(files.ca = memory_file(&d->keys.ca_pem, &files.ca_fd, err))))
		rc = -1;
	if (rc == 0) {
		d->cli->settings.upstream_ca = files.ca;
		rc = cli_backend(d->cli, err);
	}
	if (rc == 0)
		rc = launch(d, &files, err);
	memory_files_done(&files);
	return rc;
}

static int start_upstream(struct demo_run *d, const char *image, struct err *err)
{
	const struct demo_upstream u = { .install = d->cli->install_id,
		                         .image = image,
		                         .plan = d->plan };
	const uint64_t until = loop_now_ns() + READY_TIMEOUT_MS * UINT64_C(1000000);
	struct buf log = BUF_INIT(1u << 20);
	const bool never = false;
	int rc = demo_upstream_start(d->engine, &u, &d->keys, err);

	demo_keys_done(&d->keys);
	d->keys = (struct demo_keys){ 0 };
	while (rc == 0) {
		bool was_late = false;

		buf_reset(&log);
		rc = demo_upstream_log(d->engine, d->plan->session, &log, err);
		if (rc < 0 || strstr(buf_str(&log), DEMO_UPSTREAM_READY))
			break;
		if (loop_now_ns() >= until)
			rc = err_set(err, ERR_FAILED,
			             "the demo's upstream did not get ready: %.400s",
			             buf_str(&log));
		else if (demo_wait(d, &never, 30, &was_late, err) < 0 && !was_late)
			rc = -1;
	}
	buf_done(&log);
	return rc;
}

/* What pipelock is, by what its image says of itself. Why it is that one is the
 * word of whoever chose it. */
static int look_at_pipelock(struct demo_run *d, struct err *err)
{
	struct demo_table *t = &d->table;
	const char *why = getenv("CLAUDE_BOTTLE_STANDIN_WHY");
	bool is_there;

	t->pipelock_image = xstrdup(d->plan->images[ROLE_PIPELOCK]);
	if (demo_image_look(d->engine, t->pipelock_image, &is_there, &t->is_standin, err) < 0)
		return -1;
	if (t->is_standin)
		t->standin_why = why && *why ? xstrdup(why)
		                             : xasprintf("CLAUDE_BOTTLE_PIPELOCK_IMAGE names %s",
		                                         t->pipelock_image);
	return 0;
}

/* --- events ---------------------------------------------------------------------------------- */

static bool on_event(void *arg, const struct event *e)
{
	struct demo_run *d = arg;

	if (d->n_events < DEMO_EVENTS_MAX)
		event_copy(&d->events[d->n_events++], e);
	return true;
}

static void on_follow_end(void *arg, const struct err *err)
{
	struct demo_run *d = arg;

	if (err)
		cli_say("following the logs: %s", err->msg);
	d->follow = NULL;
}

static void follow(struct demo_run *d)
{
	struct follow_request req = { .session = d->plan->session, .keep_following = true };
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	req.since_ns = req.released_ns = (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
	d->follow = d->cli->ops->follow(d->cli->backend, &req, on_event, on_follow_end, d);
}

/* --- the six, and down -------------------------------------------------------------------------
 */

static void print_part(bool is_json, const struct demo_run *d,
                       void (*part)(struct buf *, const struct demo_table *))
{
	struct buf b = BUF_INIT(1u << 20);

	if (!is_json) {
		part(&b, &d->table);
		cli_print(&b);
	}
	buf_done(&b);
}

static void print_row(const struct demo_run *d, enum demo_probe p)
{
	struct buf b = BUF_INIT(1u << 20);

	demo_text_row(&b, &d->table, p);
	cli_print(&b);
	buf_done(&b);
}

static int show(struct demo_run *d, bool is_json, const char *image, struct err *err)
{
	const uint64_t began = loop_now_ns();
	int rc;

	if (start_upstream(d, image, err) < 0 || look_at_pipelock(d, err) < 0)
		return -1;
	follow(d);
	print_part(is_json, d, demo_text_head);
	for (int p = 0; p < DEMO_PROBES; p++) {
		rc = demo_try(d, (enum demo_probe)p, err);
		if (!is_json)
			print_row(d, (enum demo_probe)p);
		if (rc < 0)
			return -1;
	}
	d->table.probes_s = seconds_since(began);
	return 0;
}

/* Remove it all, and then ask the engine whether that is so. */
static int take_down(struct demo_run *d, struct err *err)
{
	if (!d->table.session || !d->cli->backend)
		return 0;
	if (d->follow)
		d->cli->ops->cancel(d->follow);
	d->follow = NULL;
	if (d->plan && cli_stop_session(d->cli, d->table.session, err) < 0)
		return -1;
	return demo_count_left(d->engine, d->cli->install_id, d->table.session, &d->table.left,
	                       err);
}

/* Once nothing is left of the session its name is nobody's: no file of it stays. */
static void drop_locks(struct demo_run *d)
{
	const struct demo_left *l = &d->table.left;
	CLEANUP_FREE char *attended = NULL;

	if (l->is_known && l->containers + l->networks + l->volumes == 0) {
		attended = lock_attended(d->table.session);
		lock_drop(d->cli->lock_dir, attended, d->lock);
		lock_drop(d->cli->lock_dir, d->table.session, -1);
		d->lock = -1;
	}
	if (d->lock >= 0)
		close(d->lock);
	d->lock = -1;
}

static void say_next(void)
{
	static const char *const lines[] = {
		"",
		"What to try next:",
		"  claude-bottle check         is your own manifest sound?",
		"  claude-bottle start AGENT   launch an agent of it",
		"  claude-bottle events -f     watch what is blocked, as it happens",
		"  claude-bottle list          what runs; \"claude-bottle stop SESSION\" ends it",
	};

	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
		cli_say("%s", lines[i]);
}

static int run_all(struct demo_run *d, bool is_json)
{
	const uint64_t began = loop_now_ns();
	CLEANUP_FREE char *image = NULL;
	struct err err = { 0 }, end_err = { 0 };
	int code = 0;

	if (engine_open(&d->engine, d->cli->loop, NULL, &err) < 0 ||
	    engine_connect(d->engine, &err) < 0 || !(image = upstream_image(d, &err)) ||
	    bring_up(d, &err) < 0 || show(d, is_json, image, &err) < 0)
		code = cli_fail(&err);
	if (take_down(d, &end_err) < 0) {
		int end_code = cli_fail(&end_err);

		code = code ? code : end_code;
	}
	drop_locks(d);
	d->table.total_s = seconds_since(began);
	if (d->table.session)
		print_part(is_json, d, demo_text_end);
	if (is_json && d->table.session) {
		struct buf b = BUF_INIT(CLI_OUTPUT_MAX);

		demo_json(&b, &d->table);
		cli_print(&b);
		buf_done(&b);
	}
	if (code == 0 && !demo_is_ok(&d->table))
		code = 1;
	return code;
}

static int run_demo(struct cli *c, int argc, char **argv)
{
	static const struct option options[] = { { "json", no_argument, NULL, 'j' }, { 0 } };
	struct demo_run *d;
	struct err err = { 0 };
	bool is_json = false;
	int opt, code;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt != 'j')
			return cli_bad_option(&verb_demo, argv);
		is_json = true;
	}
	if (optind < argc)
		return cli_usage(&verb_demo, "it takes no argument");
	d = xcalloc(1, sizeof *d);
	d->cli = c;
	d->lock = -1;
	if (interrupt_begin(&d->interrupt, c->loop, on_interrupt, d, &err) < 0) {
		free(d);
		return cli_fail(&err);
	}
	code = run_all(d, is_json);
	interrupt_end(&d->interrupt);
	if (code == 0)
		say_next();
	for (size_t i = 0; i < d->n_events; i++)
		event_done(&d->events[i]);
	demo_table_done(&d->table);
	demo_keys_done(&d->keys);
	plan_free(d->plan);
	engine_close(d->engine);
	free(d);
	return code;
}

const struct cli_verb verb_demo = {
	.name = "demo",
	.arguments = "[--json]",
	.summary = "launch a real bottle, try what an agent must not do, remove it",
	.help = "  --json  the table as one JSON object on stdout\n"
		"\n"
		"It needs no internet: its upstream is a container beside the session. Six\n"
		"things are tried from inside the agent's container; the table says what had\n"
		"to come of each, what did, and which event claude-bottle saw. Exit 0 when all\n"
		"was as expected and nothing is left behind.\n"
		"Example: claude-bottle images build && claude-bottle images build " UPSTREAM_IMAGE
		" && claude-bottle demo\n",
	.run = run_demo,
};
