#include "ui/app.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "core/err.h"
#include "core/mem.h"
#include "core/text.h"
#include "ui/app_int.h"
#include "ui/screen.h"

#define CLOCK_MS 1000	/* ages and states move on */

static void draw(void *arg);

/* --- when to draw ------------------------------------------------------------------- */

static void draw_in(struct app *a, uint64_t ms)
{
	a->next_draw_ns = loop_now_ns() + ms * 1000000;
	loop_timer_set(a->loop, &a->draw_timer, ms, draw, a);
}

/* Bulk output is paced, what answers a key is not: nobody waits for a frame. */
static void draw_soon(struct app *a)
{
	uint64_t now = loop_now_ns(), since = (now - a->last_draw_ns) / 1000000, ms = 0;
	uint64_t pace = now - a->typed_ns < APP_ANSWER_NS ? APP_ANSWER_MS : APP_FRAME_MS;

	if (!a->screen)
		return;
	if (since < pace)
		ms = pace - since;
	if (a->is_dirty && a->next_draw_ns <= now + ms * 1000000)
		return;
	a->is_dirty = true;
	draw_in(a, ms);
}

void app_dirty(struct app *a)
{
	a->needs_all = true;
	draw_soon(a);
}

static void on_writable(void *arg, int fd, unsigned events)
{
	struct app *a = arg;

	(void)events;
	if (!screen_flush(a->screen))
		loop_fd_remove(a->loop, fd);
}

/* A program may ask not to be drawn in the middle of a frame (mode 2026). */
static bool is_held(struct app *a, uint64_t *ms)
{
	uint64_t now = loop_now_ns() / 1000000, until;

	for (int i = 0; i < a->layout.n_terms; i++) {
		const struct fleet_row *r = app_term_row(a, i);
		struct vt *vt = r ? app_terminal(a, i) : NULL;

		if (vt && vt_is_held(vt, now, &until)) {
			*ms = until > now ? until - now : 1;
			return true;
		}
	}
	return false;
}

static void draw(void *arg)
{
	struct app *a = arg;
	uint64_t ms;

	if (a->dialog.kind == DIALOG_NONE && !a->overlay && is_held(a, &ms)) {
		draw_in(a, ms < APP_FRAME_MS ? ms : APP_FRAME_MS);
		return;
	}
	a->is_dirty = false;
	a->last_draw_ns = loop_now_ns();
	if (a->needs_all || !app_draw_terminals(a))
		app_draw(a);
	a->needs_all = false;
	if (screen_draw(a->screen, a->grid))
		loop_fd_set(a->loop, STDOUT_FILENO, LOOP_WRITE, on_writable, a, NULL);
}

/* The first output after a key may be its answer: not even a turn of the loop goes by. */
static void draw_terminals(struct app *a)
{
	uint64_t now = loop_now_ns();

	if (a->typed_ns <= a->last_draw_ns || now - a->typed_ns > APP_ANSWER_NS) {
		draw_soon(a);
		return;
	}
	loop_timer_cancel(a->loop, &a->draw_timer);
	draw(a);
}

static void on_clock(void *arg)
{
	struct app *a = arg;

	loop_timer_set(a->loop, &a->clock_timer, CLOCK_MS, on_clock, a);
	notice_tick(a);
	app_dirty(a);
}

/* --- what comes in ---------------------------------------------------------------------- */

static void set_title(struct app *a)
{
	unsigned waiting = fleet_n_waiting(a->fleet);
	CLEANUP_FREE char *title = waiting ? xasprintf("(%u) claude-bottle", waiting)
	                                   : xstrdup("claude-bottle");

	screen_set_title(a->screen, title);
}

/* Until the person chose: the first session that runs, else the first row. */
static void select_first(struct app *a)
{
	size_t n = fleet_n_rows(a->fleet), i = 0;

	while (i < n && fleet_row(a->fleet, i)->state != SESSION_RUNNING)
		i++;
	if (n)
		app_select(a, fleet_row(a->fleet, i < n ? i : 0)->name);
}

/* Did one of the terminals on the screen change? */
static bool is_seen(struct app *a)
{
	for (int i = 0; i < a->layout.n_terms; i++) {
		struct vt *vt = app_terminal(a, i);

		if (vt != a->drawn[i] || (vt && vt_is_dirty(vt)))
			return true;
	}
	return false;
}

/* The session that was asked for is not listed yet: nothing else is shown meanwhile. */
static bool is_awaited(struct app *a)
{
	if (!a->opt.attach || a->found_attach || strcmp(a->selected, a->opt.attach) != 0)
		return false;
	a->found_attach = app_row(a) != NULL;
	return true;
}

static void on_changed(void *arg, unsigned changes)
{
	struct app *a = arg;

	if (!a->screen) {
		if (fleet_n_busy(a->fleet) == 0)
			loop_stop(a->loop);
		return;
	}
	if ((changes & FLEET_ROWS) && !is_awaited(a) && (!app_row(a) || !a->has_chosen))
		select_first(a);
	if (changes & (FLEET_ROWS | FLEET_EVENTS))
		set_title(a);
	if (changes & (FLEET_ROWS | FLEET_EVENTS))
		notice_look(a);
	if (changes != FLEET_TERMINAL)
		app_dirty(a);
	else if (is_seen(a))
		draw_terminals(a);
}

static void on_input_timeout(void *arg)
{
	struct app *a = arg;

	input_timeout(a->input);
}

static void on_stdin(void *arg, int fd, unsigned events)
{
	struct app *a = arg;
	char data[4096];
	ssize_t n = read(fd, data, sizeof data);
	int wait;

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		/* the terminal is gone; the sessions are not */
		app_quit(a);
		return;
	}
	a->typed_ns = loop_now_ns();
	input_feed(a->input, data, (size_t)n);
	if (a->is_dirty)
		draw_soon(a);
	wait = input_wait_ms(a->input, loop_now_ns() / 1000000);
	if (wait >= 0)
		loop_timer_set(a->loop, &a->input_timer, (uint64_t)wait, on_input_timeout, a);
	else
		loop_timer_cancel(a->loop, &a->input_timer);
}

static void resize(struct app *a)
{
	int rows, cols;

	screen_size(a->screen, &rows, &cols);
	grid_resize(a->grid, rows, cols);
	screen_redraw_all(a->screen);
	app_dirty(a);
}

/* While we are stopped nobody reads the agents' streams: let go of them first. */
static void suspend(struct app *a)
{
	sigset_t set;

	fleet_detach_all(a->fleet);
	screen_suspend(a->screen);
	sigemptyset(&set);
	sigaddset(&set, SIGTSTP);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	raise(SIGTSTP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (screen_resume(a->screen, &a->err) < 0)
		app_quit(a);
	else
		resize(a);
}

/* While we wait for what is under way, see finish(). */
static void leave_sooner(struct app *a, unsigned signal)
{
	if (signal != SIGINT && signal != SIGTERM)
		return;
	if (a->is_hurried) {
		a->gave_up = true;
		loop_stop(a->loop);
		return;
	}
	a->is_hurried = true;
	for (size_t i = 0; i < fleet_n_rows(a->fleet); i++)
		fleet_cancel(a->fleet, fleet_row(a->fleet, i)->name);
}

static void on_signal(void *arg, int fd, unsigned events)
{
	struct app *a = arg;
	struct signalfd_siginfo info;

	(void)events;
	while (read(fd, &info, sizeof info) == sizeof info) {
		if (!a->screen)
			leave_sooner(a, info.ssi_signo);
		else if (info.ssi_signo == SIGWINCH)
			resize(a);
		else if (info.ssi_signo == SIGTSTP)
			suspend(a);
		else
			app_quit(a);
	}
}

void app_quit(struct app *a)
{
	loop_stop(a->loop);
}

void app_suspend_for(struct app *a, void (*fn)(struct app *a))
{
	fleet_detach_all(a->fleet);
	screen_suspend(a->screen);
	fn(a);
	if (screen_resume(a->screen, &a->err) < 0)
		app_quit(a);
	else
		resize(a);
}

/* --- life ------------------------------------------------------------------------------------ */

static int watch_signals(struct app *a, sigset_t *saved, struct err *err)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGWINCH);
	sigaddset(&set, SIGTSTP);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, saved);
	a->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (a->signal_fd < 0)
		return err_errno(err, ERR_FAILED, errno, "waiting for signals");
	return loop_fd_set(a->loop, a->signal_fd, LOOP_READ, on_signal, a, err);
}

static void on_answer(void *arg, const struct input_answer *answer)
{
	struct app *a = arg;

	screen_answer(a->screen, answer);
}

static int open_screen(struct app *a, struct err *err)
{
	const struct screen_options opt = { .in_fd = STDIN_FILENO,
		                            .out_fd = STDOUT_FILENO,
		                            .with_mouse = a->opt.with_mouse,
		                            .force_colors = a->opt.no_color ? SCREEN_MONO : -1 };
	const char *theme = a->opt.theme;
	int rows, cols;

	if (screen_open(&a->screen, &opt, err) < 0)
		return -1;
	if (!theme)
		theme = screen_colors(a->screen) == SCREEN_MONO ? "mono" : "dark";
	if (theme_load(&a->theme, theme, err) < 0)
		return -1;
	theme_set_colors(a->theme, screen_colors(a->screen));
	screen_size(a->screen, &rows, &cols);
	a->grid = grid_new(rows, cols);
	grid_set_ascii(a->grid, screen_is_ascii(a->screen));
	grid_set_own_palette(a->grid, screen_colors(a->screen) == SCREEN_TRUE);
	a->input = input_new(app_input, a);
	input_on_answer(a->input, on_answer, a);
	return loop_fd_set(a->loop, STDIN_FILENO, LOOP_READ, on_stdin, a, err);
}

static struct manifest *load_manifest(void *arg)
{
	const struct app *a = arg;

	return a->opt.load_manifest(a->opt.load_arg);
}

static void on_clipboard_answer(struct app *a, bool accepted)
{
	if (accepted && !screen_copy(a->screen, buf_str(&a->clipboard), a->clipboard.len))
		fleet_say(a->fleet, FLEET_WARN, "that is more than a clipboard takes");
	buf_reset(&a->clipboard);
}

static void on_clipboard(void *arg, const char *session, const char *text, size_t len,
                         bool must_ask)
{
	struct app *a = arg;
	struct buf shown = BUF_INIT(APP_LINE_MAX);

	if (!must_ask) {
		if (screen_copy(a->screen, text, len))
			fleet_say(a->fleet, FLEET_INFO, "%s wrote your clipboard, %zu bytes",
			          session, len);
		return;
	}
	/* a question that is open already is not replaced by an agent's */
	if (a->dialog.kind != DIALOG_NONE || buf_add(&a->clipboard, text, len) < 0)
		return;
	buf_addf(&shown, "%s wants to put %zu bytes into your clipboard:\n", session, len);
	text_safe(&shown, text, len, 400, false);
	buf_addc(&shown, '\n');
	dialog_confirm(a, "Clipboard", buf_steal(&shown), "Allow", on_clipboard_answer);
}

static void start_fleet(struct app *a)
{
	const struct fleet_options opt = { .ops = a->opt.ops,
		                           .backend = a->opt.backend,
		                           .load_manifest = load_manifest,
		                           .changed = on_changed,
		                           .clipboard = on_clipboard,
		                           .store = a->opt.store,
		                           .arg = a };

	a->fleet = fleet_new(a->loop, &opt);
	fleet_set_theme(a->fleet, theme_vt(a->theme));
	if (a->opt.attach) {
		app_select(a, a->opt.attach);
		a->has_chosen = true;
		a->is_zoomed = a->is_attached = true;
		a->focus = PANE_TERMINAL;
	} else {
		select_first(a);
	}
	on_clock(a);
}

static void close_screen(struct app *a)
{
	loop_timer_cancel(a->loop, &a->draw_timer);
	loop_timer_cancel(a->loop, &a->input_timer);
	loop_timer_cancel(a->loop, &a->clock_timer);
	loop_fd_remove(a->loop, STDIN_FILENO);
	loop_fd_remove(a->loop, STDOUT_FILENO);
	if (a->dialog.kind != DIALOG_NONE)
		dialog_close(a);
	overlay_close_all(a);
	push_forget(a);
	screen_close(a->screen);
	a->screen = NULL;
}

/* Leaving in the middle of a launch would leave half a session behind: what is under
 * way is waited for, without the screen. The first ctrl-C undoes the launches, the
 * second leaves the rest to "cleanup". */
static void finish(struct app *a)
{
	struct err err = { 0 };

	if (fleet_n_busy(a->fleet) == 0)
		return;
	for (size_t i = 0; i < fleet_n_rows(a->fleet); i++) {
		const struct fleet_row *r = fleet_row(a->fleet, i);

		if (r->state == SESSION_STARTING || r->state == SESSION_STOPPING)
			fprintf(stderr, "%s: %s...\n", r->name,
			        r->state == SESSION_STARTING ? "starting" : "stopping");
	}
	fputs("Waiting for it; ctrl-c undoes a launch.\n", stderr);
	if (loop_run(a->loop, &err) < 0 || a->gave_up)
		fputs("Left in the middle; \"claude-bottle cleanup\" removes the rest.\n", stderr);
}

static void close_all(struct app *a)
{
	loop_fd_remove(a->loop, a->signal_fd);
	if (a->signal_fd >= 0)
		close(a->signal_fd);
	fleet_free(a->fleet);
	input_free(a->input);
	grid_free(a->grid);
	theme_free(a->theme);
	strv_free(a->marks);
	buf_done(&a->clipboard);
	free(a->egress.list);
	free(a->verdicts.list);
	free(a->filter);
	free(a->scroll.search);
}

int app_check_theme(const char *name, struct err *err)
{
	struct theme *t = NULL;

	if (name && theme_load(&t, name, err) < 0)
		return -1;
	theme_free(t);
	return 0;
}

int app_check_prefix(const char *key, struct err *err)
{
	struct vtkey parsed;

	if (key && input_parse_key(&parsed, key) < 0)
		return err_set(err, ERR_INPUT, "\"%s\" is no key, as ctrl-], alt-x or F12 are",
		               key);
	return 0;
}

int app_run(const struct app_options *opt, struct err *err)
{
	struct app a = { .opt = *opt,
		         .loop = opt->loop,
		         .n_terms = 1,
		         .signal_fd = -1,
		         .clipboard = BUF_INIT(256u << 10) };
	sigset_t saved;
	int rc = -1;

	a.egress.follows = a.verdicts.follows = true;
	a.verdicts.is_gate = true;
	a.has_terminal_focus = true;	/* it was just typed into */
	a.opened_ns = fleet_clock_ns();
	if (app_check_prefix(opt->prefix, err) < 0)
		return -1;
	input_parse_key(&a.prefix, opt->prefix ? opt->prefix : "ctrl-]");
	if (watch_signals(&a, &saved, err) == 0 && open_screen(&a, err) == 0) {
		start_fleet(&a);
		rc = loop_run(a.loop, err);
	}
	close_screen(&a);
	if (rc == 0)
		finish(&a);
	close_all(&a);
	sigprocmask(SIG_SETMASK, &saved, NULL);
	if (rc == 0 && a.err.kind) {
		*err = a.err;
		rc = -1;
	}
	return rc;
}
