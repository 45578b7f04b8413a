/* uitest: opens the screen, draws a frame with every style and class of text, and
 * says what comes in. q quits, p suspends for a second, c copies, b rings, n sends
 * a notice, t cycles the themes. For looking at it in real terminals. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "core/err.h"
#include "ui/canvas.h"
#include "ui/input.h"
#include "ui/screen.h"
#include "ui/theme.h"

#define LOG_LINES 8

struct app {
	struct screen *screen;
	struct grid *grid;
	struct theme *theme;
	size_t theme_index;
	char log[LOG_LINES][200];
	size_t n_log;
	bool is_over, is_dirty;
};

static void say(struct app *a, const char *text)
{
	snprintf(a->log[a->n_log++ % LOG_LINES], sizeof a->log[0], "%s", text);
	a->is_dirty = true;
}

static void set_theme(struct app *a, size_t index)
{
	theme_free(a->theme);
	a->theme = NULL;
	if (theme_load(&a->theme, theme_names()[index], NULL) < 0)
		abort();
	theme_set_colors(a->theme, screen_colors(a->screen));
	a->theme_index = index;
	a->is_dirty = true;
}

static void on_key(struct app *a, const struct input_event *ev)
{
	char name[32], text[100];
	struct err err;

	input_key_name(&ev->key, name);
	snprintf(text, sizeof text, "key %s%s%s", name, ev->key.text ? " types " : "",
	         ev->key.text ? ev->key.text : "");
	say(a, text);
	if (strcmp(name, "q") == 0)
		a->is_over = true;
	if (strcmp(name, "t") == 0)
		set_theme(a, theme_names()[a->theme_index + 1] ? a->theme_index + 1 : 0);
	if (strcmp(name, "b") == 0)
		screen_bell(a->screen);
	if (strcmp(name, "n") == 0)
		screen_notify(a->screen, "4;a notice\033[31m", false);
	if (strcmp(name, "c") == 0)
		say(a, screen_copy(a->screen, "copied text", 11) ? "copied" : "not copied");
	if (strcmp(name, "p") == 0) {
		screen_suspend(a->screen);
		puts("suspended");
		sleep(1);
		if (screen_resume(a->screen, &err) < 0)
			a->is_over = true;
		a->is_dirty = true;
	}
}

static void on_event(void *arg, const struct input_event *ev)
{
	struct app *a = arg;
	char text[200];

	switch (ev->kind) {
	case INPUT_KEY:
		on_key(a, ev);
		return;
	case INPUT_MOUSE:
		snprintf(text, sizeof text, "mouse button %u action %u at %d,%d mods %u",
		         ev->button, ev->action, ev->y, ev->x, ev->mods);
		break;
	case INPUT_PASTE:
		snprintf(text, sizeof text, "paste of %zu bytes: %.80s", ev->paste_len, ev->paste);
		break;
	default:
		snprintf(text, sizeof text, "focus %d", ev->has_focus);
	}
	say(a, text);
}

static void on_answer(void *arg, const struct input_answer *an)
{
	struct app *a = arg;
	char text[200];

	screen_answer(a->screen, an);
	snprintf(text, sizeof text, "answer %u: %d %d %s", an->kind, an->n > 0 ? an->v[0] : -1,
	         an->n > 1 ? an->v[1] : -1, an->text);
	say(a, text);
}

static void draw_styles(struct canvas c, const struct theme *t)
{
	static const struct {
		const char *name;
		uint32_t attr;
	} attrs[] = {
		{ "bold", VT_BOLD },
		{ "dim", VT_DIM },
		{ "italic", VT_ITALIC },
		{ "blink", VT_BLINK },
		{ "reverse", VT_REVERSE },
		{ "strike", VT_STRIKE },
		{ "over", VT_OVERLINE },
		{ "under", VT_UL_SINGLE << VT_UL_SHIFT },
		{ "double", VT_UL_DOUBLE << VT_UL_SHIFT },
		{ "curly", VT_UL_CURLY << VT_UL_SHIFT },
	};
	struct style s = theme_style(t, THEME_TEXT);
	int x = 0;

	for (size_t i = 0; i < sizeof attrs / sizeof attrs[0]; i++) {
		struct style with = s;

		with.attr |= attrs[i].attr;
		x += canvas_text(c, 0, x, -1, with, attrs[i].name) + 1;
	}
	for (x = 0; x < c.at.cols; x++) {
		struct style bg = { 0, 0, 0 };
		uint32_t v = (uint32_t)(255 * x / (c.at.cols > 1 ? c.at.cols - 1 : 1));

		bg.bg = VT_COLOR_RGB | v << 16 | (255 - v) << 8 | 128;
		canvas_fill(c, (struct rect){ 1, x, 1, 1 }, bg);
		bg.bg = VT_COLOR_INDEX | (uint32_t)(x % 16);
		canvas_fill(c, (struct rect){ 2, x, 1, 1 }, bg);
	}
}

static void draw_theme(struct canvas c, const struct theme *t)
{
	static const struct {
		const char *name;
		enum theme_element e;
		int sign;
	} rows[] = {
		{ "running", THEME_RUNNING, SIGN_RUNNING },
		{ "starting", THEME_STARTING, SIGN_STARTING },
		{ "waits", THEME_WAITS, SIGN_WAITS },
		{ "stopped", THEME_STOPPED, SIGN_STOPPED },
		{ "failed", THEME_FAILED, SIGN_FAILED },
		{ "blocked", THEME_BLOCKED, SIGN_BLOCKED },
		{ "allowed", THEME_ALLOWED, SIGN_ALLOWED },
		{ "warn", THEME_WARN, SIGN_WARN },
		{ "new", THEME_NEW, SIGN_FLAG },
		{ "selected", THEME_SELECTED, SIGN_SELECTED },
		{ "other", THEME_SELECTED_DIM, SIGN_SELECTED },
		{ "search", THEME_SEARCH, SIGN_FOLLOW },
		{ "dialog", THEME_DIALOG, SIGN_FOLLOW },
		{ "button", THEME_DIALOG_BUTTON, SIGN_FOLLOW },
		{ "focus", THEME_DIALOG_FOCUS, SIGN_FOLLOW },
		{ "error", THEME_ERROR, SIGN_FAILED },
		{ "input", THEME_INPUT, SIGN_FOLLOW },
		{ "dim", THEME_DIM, SIGN_UNTRUSTED },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		canvas_printf(c, (int)(i % 6), (int)(i / 6) * 14, 13, theme_style(t, rows[i].e),
		              "%s %s",
		              theme_sign((enum theme_sign_id)rows[i].sign, grid_is_ascii(c.grid)),
		              rows[i].name);
}

static void draw(struct app *a)
{
	struct style text = theme_style(a->theme, THEME_TEXT);
	struct style title = theme_style(a->theme, THEME_TITLE);
	struct style hint = theme_style(a->theme, THEME_HINT);
	struct canvas c, in;
	struct style link = text;
	int rows, cols;

	screen_size(a->screen, &rows, &cols);
	grid_resize(a->grid, rows, cols);
	grid_clear(a->grid, text);
	c = canvas_of(a->grid);
	canvas_fill(c, (struct rect){ 0, 0, 1, cols }, title);
	canvas_printf(c, 0, 1, -1, title, "claude-bottle uitest · %dx%d · theme %s · colours %u",
	              cols, rows, theme_name(a->theme), screen_colors(a->screen));
	in = canvas_frame(canvas_part(c, (struct rect){ 1, 0, rows - 2, cols }),
	                  theme_style(a->theme, THEME_FRAME_FOCUS),
	                  theme_style(a->theme, THEME_FRAME_TITLE), "Styles and text");
	draw_styles(canvas_part(in, (struct rect){ 0, 0, 3, in.at.cols }), a->theme);
	canvas_text(in, 3, 0, -1, text,
	            "ASCII größe 漢字 한글 e\u0301 ❤️ 👩‍👩‍👧 "
	            "🇩🇪 🙂 क्षि │─┼ ●◐○ end|");
	link.attr = grid_add_link(a->grid, "https://example.test/", 0) << CANVAS_LINK_SHIFT |
	            VT_UL_SINGLE << VT_UL_SHIFT;
	canvas_text(in, 4, 0, -1, link, "a link to example.test");
	draw_theme(canvas_part(in, (struct rect){ 6, 0, 6, in.at.cols }), a->theme);
	for (size_t i = 0; i < LOG_LINES && i < a->n_log; i++)
		canvas_text(in, 13 + (int)i, 0, -1, theme_style(a->theme, THEME_DIM),
		            a->log[(a->n_log - 1 - i) % LOG_LINES]);
	canvas_fill(c, (struct rect){ rows - 1, 0, 1, cols }, hint);
	canvas_text(c, rows - 1, 1, -1, hint,
	            "q quit  t theme  p suspend  c copy  b bell  n notice");
	grid_set_cursor(a->grid, 1, 2, true, VT_CURSOR_BAR);
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void loop(struct app *a, struct input *in, int sfd)
{
	char data[4096];
	bool has_more = false;

	while (!a->is_over) {
		struct pollfd pfd[3] = { { STDIN_FILENO, POLLIN, 0 },
			                 { sfd, POLLIN, 0 },
			                 { STDOUT_FILENO, has_more ? POLLOUT : 0, 0 } };
		struct signalfd_siginfo si;
		int wait;

		if (a->is_dirty) {
			draw(a);
			a->is_dirty = false;
			has_more = screen_draw(a->screen, a->grid);
			continue;
		}
		wait = input_wait_ms(in, now_ms());
		if (poll(pfd, 3, wait) == 0)
			input_timeout(in);
		if (pfd[0].revents) {
			ssize_t n = read(STDIN_FILENO, data, sizeof data);

			if (n <= 0)
				return;
			input_feed(in, data, (size_t)n);
		}
		if (pfd[1].revents && read(sfd, &si, sizeof si) > 0)
			a->is_dirty = true;
		if (pfd[2].revents)
			has_more = screen_flush(a->screen);
	}
}

int main(void)
{
	struct screen_options opt = { STDIN_FILENO, STDOUT_FILENO, true, false, -1 };
	struct app a = { .is_dirty = true };
	struct err err = { 0 };
	struct input *in;
	sigset_t set;
	int sfd;

	sigemptyset(&set);
	sigaddset(&set, SIGWINCH);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sfd = signalfd(-1, &set, SFD_CLOEXEC);
	if (screen_open(&a.screen, &opt, &err) < 0) {
		fprintf(stderr, "uitest: %s\n", err.msg);
		return err_exit_code(err.kind);
	}
	a.grid = grid_new(1, 1);
	grid_set_ascii(a.grid, screen_is_ascii(a.screen));
	set_theme(&a, 0);
	screen_set_title(a.screen, "uitest \033]0;evil\a");
	in = input_new(on_event, &a);
	input_on_answer(in, on_answer, &a);
	loop(&a, in, sfd);
	input_free(in);
	screen_close(a.screen);
	theme_free(a.theme);
	grid_free(a.grid);
	close(sfd);
	return 0;
}
