/* The screen on a pseudo-terminal: modes set and put back, a reader that does
 * not read, and processes that die. The emulator stands for the terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/vt.h"
#include "ui/canvas.h"
#include "ui/input.h"
#include "ui/screen.h"

#define ROWS 8
#define COLS 40

struct tty {
	int master, slave;
	struct vt *vt;
	struct buf raw;  /* all that was written */
	struct buf said; /* clipboard and notices */
};

static void on_clipboard(void *ctx, const char *data, size_t len)
{
	struct tty *t = ctx;

	buf_adds(&t->said, "clipboard:");
	buf_add(&t->said, data, len);
}

static void on_notice(void *ctx, const struct vt_notice *n)
{
	struct tty *t = ctx;

	buf_addf(&t->said, "notice %d:%s", (int)n->kind, n->body ? n->body : "");
}

static const struct vt_ops ops = { .clipboard = on_clipboard, .notice = on_notice };

static void tty_open(struct tty *t)
{
	struct winsize w = { .ws_row = ROWS, .ws_col = COLS };

	*t = (struct tty){ .raw = BUF_INIT(1 << 24), .said = BUF_INIT(1 << 20) };
	assert_int_equal(openpty(&t->master, &t->slave, NULL, NULL, &w), 0);
	fcntl(t->master, F_SETFL, O_NONBLOCK);
	t->vt = vt_new(ROWS, COLS, &ops, t);
	setenv("TERM", "xterm-256color", 1);
	setenv("LC_ALL", "C.UTF-8", 1);
	unsetenv("COLORTERM");
	unsetenv("NO_COLOR");
	unsetenv("VTE_VERSION");
}

/* Read what has been written so far. */
static size_t tty_read(struct tty *t)
{
	char data[4096];
	size_t sum = 0;
	ssize_t n;

	while ((n = read(t->master, data, sizeof data)) > 0) {
		vt_feed(t->vt, data, (size_t)n, 0);
		buf_add(&t->raw, data, (size_t)n);
		sum += (size_t)n;
	}
	return sum;
}

static void tty_close(struct tty *t)
{
	close(t->master);
	close(t->slave);
	vt_free(t->vt);
	buf_done(&t->raw);
	buf_done(&t->said);
}

static bool is_cooked(const struct tty *t)
{
	struct termios m;

	assert_int_equal(tcgetattr(t->slave, &m), 0);
	return (m.c_lflag & (ICANON | ECHO | ISIG)) == (ICANON | ECHO | ISIG) &&
	       (m.c_oflag & OPOST);
}

static struct screen_options options(const struct tty *t)
{
	return (struct screen_options){
		.in_fd = t->slave, .out_fd = t->slave, .with_mouse = true, .force_colors = -1
	};
}

static struct screen *open_screen(const struct tty *t)
{
	struct screen_options o = options(t);
	struct screen *s = NULL;
	struct err err = { 0 };

	if (screen_open(&s, &o, &err) < 0)
		fail_msg("%s", err.msg);
	return s;
}

static struct grid *grid_with(const char *text)
{
	struct grid *g = grid_new(ROWS, COLS);

	canvas_text(canvas_of(g), 0, 0, -1, (struct style){ 0 }, text);
	return g;
}

static void assert_first_row(const struct tty *t, const char *want)
{
	struct vt_line line = vt_row(t->vt, 0);
	struct buf text = BUF_INIT(4096);
	char s[VT_CELL_TEXT_MAX];

	for (unsigned x = 0; x < line.used; x++)
		if (!(line.cells[x].attr & VT_TAIL))
			buf_add(&text, s, vt_cell_text(t->vt, &line.cells[x], s));
	while (text.len > 0 && text.data[text.len - 1] == ' ')
		text.data[--text.len] = '\0';
	assert_string_equal(buf_str(&text), want);
	buf_done(&text);
}

/* --- tests --------------------------------------------------------------------------- */

static void modes_are_set_while_open_and_put_back(void **state)
{
	struct screen *s;
	struct tty t;

	(void)state;
	tty_open(&t);
	s = open_screen(&t);
	tty_read(&t);
	assert_false(is_cooked(&t));
	assert_true(vt_is_alternate(t.vt));
	assert_false(vt_cursor(t.vt).is_visible);
	assert_true(vt_input(t.vt).bracketed_paste);
	assert_true(vt_input(t.vt).focus);
	assert_int_equal(vt_input(t.vt).mouse, VT_MOUSE_DRAG);
	assert_int_equal(vt_input(t.vt).mouse_form, VT_MOUSE_FORM_SGR);
	screen_close(s);
	tty_read(&t);
	assert_true(is_cooked(&t));
	assert_false(vt_is_alternate(t.vt));
	assert_true(vt_cursor(t.vt).is_visible);
	assert_false(vt_input(t.vt).bracketed_paste);
	assert_false(vt_input(t.vt).focus);
	assert_int_equal(vt_input(t.vt).mouse, VT_MOUSE_NONE);
	tty_close(&t);
}

static void the_mouse_is_left_alone_unless_asked_for(void **state)
{
	struct screen_options o;
	struct screen *s = NULL;
	struct tty t;

	(void)state;
	tty_open(&t);
	o = options(&t);
	o.with_mouse = false;
	assert_int_equal(screen_open(&s, &o, NULL), 0);
	tty_read(&t);
	assert_int_equal(vt_input(t.vt).mouse, VT_MOUSE_NONE);
	screen_close(s);
	tty_close(&t);
}

static void the_terminal_is_given_back_and_taken_again(void **state)
{
	struct grid *g = grid_with("héllo 漢字");
	struct screen *s;
	struct tty t;

	(void)state;
	tty_open(&t);
	s = open_screen(&t);
	assert_false(screen_draw(s, g));
	screen_suspend(s);
	tty_read(&t);
	assert_true(is_cooked(&t));
	assert_false(vt_is_alternate(t.vt));
	assert_false(screen_draw(s, g));
	assert_int_equal(tty_read(&t), 0);
	assert_int_equal(screen_resume(s, NULL), 0);
	assert_false(screen_draw(s, g));
	tty_read(&t);
	assert_false(is_cooked(&t));
	assert_first_row(&t, "héllo 漢字");
	screen_close(s);
	grid_free(g);
	tty_close(&t);
}

static void a_reader_that_stops_gets_the_last_frame_only(void **state)
{
	struct grid *g = grid_new(ROWS, COLS);
	struct canvas c = canvas_of(g);
	struct screen *s;
	struct tty t;
	int frames = 0, n_left = 0;

	(void)state;
	tty_open(&t);
	s = open_screen(&t);
	for (; frames < 5000 && n_left < 3; frames++) {
		for (int y = 0; y < ROWS; y++)
			canvas_printf(c, y, 0, -1, (struct style){ 0 }, "frame %d %d", frames, y);
		/* what the kernel has taken in may yet make room, late on a busy machine */
		if (screen_draw(s, g))
			poll(NULL, 0, 100);
		n_left = screen_flush(s) ? n_left + 1 : 0;
	}
	assert_int_equal(n_left, 3);
	for (int i = 0; i < 500; i++) {
		canvas_printf(c, 0, 0, -1, (struct style){ 0 }, "skipped %d  ", i);
		assert_true(screen_draw(s, g));
	}
	canvas_text(c, 0, 0, -1, (struct style){ 0 }, "the last one");
	assert_true(screen_draw(s, g));
	for (int i = 0; i < 1000 && screen_flush(s); i++) {
		poll(&(struct pollfd){ .fd = t.master, .events = POLLIN }, 1, 100);
		tty_read(&t);
	}
	tty_read(&t);
	assert_false(screen_flush(s));
	assert_first_row(&t, "the last one");
	assert_null(memmem(t.raw.data, t.raw.len, "skipped", 7));
	screen_close(s);
	grid_free(g);
	tty_close(&t);
}

static void a_terminal_that_is_gone_takes_nothing_and_hurts_nobody(void **state)
{
	struct grid *g = grid_with("x");
	struct screen *s;
	struct tty t;

	(void)state;
	tty_open(&t);
	s = open_screen(&t);
	close(t.master);
	t.master = -1;
	assert_false(screen_draw(s, g));
	assert_false(screen_flush(s));
	screen_close(s);
	grid_free(g);
	tty_close(&t);
}

static void says(struct screen *s, enum input_answer_kind kind, int a, int b, const char *text)
{
	struct input_answer an = { .kind = kind, .v = { a, b }, .n = 2 };

	snprintf(an.text, sizeof an.text, "%s", text);
	screen_answer(s, &an);
}

static void draws_and_reads(struct tty *t, struct screen *s, const char *text)
{
	struct grid *g = grid_with(text);

	buf_reset(&t->raw);
	screen_draw(s, g);
	tty_read(t);
	grid_free(g);
}

static void the_terminal_is_asked_once_and_its_attributes_last(void **state)
{
	static const char asked[] = "\033[>q\033[?u\033[?2026$p\033[c";
	struct screen *s;
	struct tty t;

	(void)state;
	tty_open(&t);
	s = open_screen(&t);
	tty_read(&t);
	assert_non_null(strstr(buf_str(&t.raw), asked));
	says(s, INPUT_ANSWER_DA1, 62, 22, "");
	screen_suspend(s);
	tty_read(&t);
	buf_reset(&t.raw);
	assert_int_equal(screen_resume(s, NULL), 0);
	tty_read(&t);
	assert_null(strstr(buf_str(&t.raw), "\033[c"));
	screen_close(s);
	tty_close(&t);
}

static void frames_are_synchronized_once_the_terminal_said_so(void **state)
{
	struct screen *s;
	struct tty t;

	(void)state;
	tty_open(&t);
	s = open_screen(&t);
	draws_and_reads(&t, s, "a");
	assert_null(strstr(buf_str(&t.raw), "\033[?2026h"));
	says(s, INPUT_ANSWER_MODE, 2026, 0, "");
	says(s, INPUT_ANSWER_MODE, 2027, 1, "");
	draws_and_reads(&t, s, "b");
	assert_null(strstr(buf_str(&t.raw), "\033[?2026h"));
	says(s, INPUT_ANSWER_MODE, 2026, 2, "");
	draws_and_reads(&t, s, "c");
	assert_non_null(strstr(buf_str(&t.raw), "\033[?2026h"));
	screen_close(s);
	tty_close(&t);
}

static void keys_are_told_apart_in_the_best_way_there_is(void **state)
{
	struct screen *s;
	struct tty t;

	(void)state;
	for (int has_kitty = 0; has_kitty < 2; has_kitty++) {
		tty_open(&t);
		s = open_screen(&t);
		tty_read(&t);
		assert_int_equal(vt_input(t.vt).kitty, 0);
		if (has_kitty)
			says(s, INPUT_ANSWER_KITTY, 0, 0, "");
		says(s, INPUT_ANSWER_DA1, 62, 22, "");
		for (int again = 0; again < 2; again++) {
			tty_read(&t);
			assert_int_equal(vt_input(t.vt).kitty, has_kitty);
			assert_int_equal(vt_input(t.vt).modify_other, !has_kitty);
			screen_suspend(s);
			tty_read(&t);
			assert_int_equal(vt_input(t.vt).kitty, 0);
			assert_int_equal(vt_input(t.vt).modify_other, 0);
			assert_int_equal(screen_resume(s, NULL), 0);
		}
		screen_close(s);
		tty_close(&t);
	}
}

static void underlines_have_their_styles_where_the_name_is_known(void **state)
{
	const struct style curly = { .attr = VT_UL_CURLY << VT_UL_SHIFT };
	struct grid *g = grid_new(ROWS, COLS);
	struct screen *s;
	struct tty t;

	(void)state;
	tty_open(&t);
	s = open_screen(&t);
	says(s, INPUT_ANSWER_VERSION, 0, 0, "XTerm(379)");
	canvas_text(canvas_of(g), 0, 0, -1, curly, "a");
	screen_draw(s, g);
	tty_read(&t);
	assert_null(strstr(buf_str(&t.raw), "4:3"));
	says(s, INPUT_ANSWER_VERSION, 0, 0, "kitty(0.32)");
	canvas_text(canvas_of(g), 0, 1, -1, curly, "b");
	screen_draw(s, g);
	tty_read(&t);
	assert_non_null(strstr(buf_str(&t.raw), "4:3"));
	screen_close(s);
	grid_free(g);
	tty_close(&t);
}

static void titles_and_notices_are_made_safe(void **state)
{
	struct screen *s;
	struct tty t;

	(void)state;
	tty_open(&t);
	s = open_screen(&t);
	screen_set_title(s, "a\033]52;c;eA==\a\nb");
	screen_notify(s, "4;1;50", false);
	screen_notify(s, "so\033]52;c;eA==\a", true);
	tty_read(&t);
	assert_string_equal(vt_title(t.vt), "a\\x1b]52;c;eA==\\x07\\x0ab");
	assert_non_null(strstr(buf_str(&t.said), "4;1;50"));
	assert_null(strstr(buf_str(&t.said), "clipboard"));
	screen_close(s);
	tty_close(&t);
}

static void the_clipboard_is_set_up_to_a_limit(void **state)
{
	static char large[100 * 1024 + 1];
	struct screen *s;
	struct tty t;

	(void)state;
	tty_open(&t);
	s = open_screen(&t);
	assert_true(screen_copy(s, "a", 1));
	assert_true(screen_copy(s, "ab\xff", 3));
	assert_true(screen_copy(s, "abcd\n", 5));
	tty_read(&t);
	assert_string_equal(buf_str(&t.said), "clipboard:aclipboard:ab\xff"
	                                      "clipboard:abcd\n");
	assert_false(screen_copy(s, large, sizeof large));
	assert_int_equal(tty_read(&t), 0);
	screen_close(s);
	tty_close(&t);
}

static void colours_follow_the_environment(void **state)
{
	static const struct {
		const char *term, *colorterm, *no_color;
		int force;
		enum screen_colors want;
	} rows[] = {
		{ "xterm-256color", NULL, NULL, -1, SCREEN_256 },
		{ "xterm-256color", "truecolor", NULL, -1, SCREEN_TRUE },
		{ "xterm-256color", "24bit", NULL, -1, SCREEN_TRUE },
		{ "xterm-256color", "truecolor", "1", -1, SCREEN_MONO },
		{ "xterm-256color", "truecolor", "", -1, SCREEN_TRUE },
		{ "xterm-256color", NULL, "1", SCREEN_16, SCREEN_16 },
		{ "linux", NULL, NULL, -1, SCREEN_16 },
		{ "vt100", NULL, NULL, -1, SCREEN_MONO },
	};
	struct tty t;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct screen_options o;
		struct screen *s = NULL;

		tty_open(&t);
		o = options(&t);
		o.force_colors = rows[i].force;
		setenv("TERM", rows[i].term, 1);
		if (rows[i].colorterm)
			setenv("COLORTERM", rows[i].colorterm, 1);
		if (rows[i].no_color)
			setenv("NO_COLOR", rows[i].no_color, 1);
		assert_int_equal(screen_open(&s, &o, NULL), 0);
		assert_int_equal(screen_colors(s), rows[i].want);
		screen_close(s);
		tty_close(&t);
	}
}

static void old_terminals_get_no_private_sequences(void **state)
{
	struct grid *g = grid_with("old");
	struct screen *s;
	struct tty t;

	(void)state;
	tty_open(&t);
	setenv("TERM", "linux", 1);
	s = open_screen(&t);
	screen_set_title(s, "title");
	screen_notify(s, "note", false);
	assert_false(screen_copy(s, "x", 1));
	screen_draw(s, g);
	tty_read(&t);
	assert_first_row(&t, "old");
	assert_null(strstr(buf_str(&t.raw), "\033]"));
	assert_null(strstr(buf_str(&t.raw), "?2026"));
	assert_null(strstr(buf_str(&t.raw), "?1049"));
	screen_close(s);
	grid_free(g);
	tty_close(&t);
}

static void the_locale_decides_about_ascii(void **state)
{
	struct screen *s;
	struct tty t;

	(void)state;
	tty_open(&t);
	s = open_screen(&t);
	assert_false(screen_is_ascii(s));
	screen_close(s);
	setenv("LC_ALL", "C", 1);
	s = open_screen(&t);
	assert_true(screen_is_ascii(s));
	screen_close(s);
	tty_close(&t);
}

/* Over ssh LANG often names a locale that only the other machine has. */
static void a_locale_that_is_not_installed_still_names_its_encoding(void **state)
{
	static const struct {
		const char *name;
		bool is_ascii;
	} cases[] = {
		{ "xx_XX.UTF-8", false }, { "xx_XX.utf8@euro", false }, { "xx_XX", true },
		{ "xx_XX.ISO-8859-15", true }, { "xx_XX.UTF-16", true },
	};
	struct screen *s;
	struct tty t;

	(void)state;
	tty_open(&t);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		setenv("LC_ALL", cases[i].name, 1);
		s = open_screen(&t);
		assert_int_equal(screen_is_ascii(s), cases[i].is_ascii);
		screen_close(s);
	}
	/* the first that is set counts, as for the C library */
	setenv("LC_ALL", "", 1);
	setenv("LC_CTYPE", "xx_XX.UTF-8", 1);
	setenv("LANG", "xx_XX.ISO-8859-1", 1);
	s = open_screen(&t);
	assert_false(screen_is_ascii(s));
	screen_close(s);
	unsetenv("LC_CTYPE");
	unsetenv("LANG");
	tty_close(&t);
}

static void unusable_terminals_are_refused(void **state)
{
	static const char *const terms[] = { "", "dumb", "no-such-terminal" };
	struct screen_options o;
	struct screen *s = NULL;
	struct err err = { 0 };
	struct tty t;
	int p[2];

	(void)state;
	tty_open(&t);
	o = options(&t);
	for (size_t i = 0; i < sizeof terms / sizeof *terms; i++) {
		setenv("TERM", terms[i], 1);
		assert_int_equal(screen_open(&s, &o, &err), -1);
		assert_int_equal(err.kind, ERR_INPUT);
	}
	setenv("TERM", "xterm", 1);
	assert_int_equal(pipe(p), 0);
	o.out_fd = p[1];
	assert_int_equal(screen_open(&s, &o, &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
	assert_null(s);
	assert_true(is_cooked(&t));
	close(p[0]);
	close(p[1]);
	tty_close(&t);
}

static void the_size_is_the_terminals(void **state)
{
	struct winsize w = { .ws_row = 30, .ws_col = 5000 };
	struct screen *s;
	struct tty t;
	int rows, cols;

	(void)state;
	tty_open(&t);
	s = open_screen(&t);
	screen_size(s, &rows, &cols);
	assert_int_equal(rows, ROWS);
	assert_int_equal(cols, COLS);
	ioctl(t.slave, TIOCSWINSZ, &w);
	screen_size(s, &rows, &cols);
	assert_int_equal(rows, 30);
	assert_int_equal(cols, VT_SIZE_MAX);
	screen_close(s);
	tty_close(&t);
}

/* --- death ------------------------------------------------------------------------------ */

static void wait_for(pid_t pid, int *status)
{
	while (waitpid(pid, status, 0) < 0)
		assert_int_equal(errno, EINTR);
}

/* So that what a child has at its exit is no leak. */
static struct screen *volatile held;

/* What a child does once its screen is open: how is a signal, or 0 for exit(). */
static void __attribute__((noreturn)) die(const struct tty *t, int how)
{
	static const int reset[] = { SIGSEGV, SIGABRT, SIGTERM, SIGHUP };
	const struct rlimit no_core = { 0, 0 };

	setrlimit(RLIMIT_CORE, &no_core);
	for (size_t i = 0; i < sizeof reset / sizeof *reset; i++)
		signal(reset[i], SIG_DFL); /* cmocka's and ASan's */
	held = open_screen(t);
	if (how == 0)
		exit(3);
	if (how == SIGSEGV) {
		volatile char *p = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		*p = 1;
	}
	raise(how);
	_exit(99);
}

static void the_terminal_is_put_back_when_the_process_dies(void **state)
{
	static const int how[] = { SIGSEGV, SIGABRT, SIGTERM, SIGHUP, 0 };

	(void)state;
	for (size_t i = 0; i < sizeof how / sizeof *how; i++) {
		struct tty t;
		pid_t pid;
		int status;

		tty_open(&t);
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0)
			die(&t, how[i]);
		wait_for(pid, &status);
		tty_read(&t);
		if (how[i] == 0) {
			assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 3);
		} else {
			assert_true(WIFSIGNALED(status));
			assert_int_equal(WTERMSIG(status), how[i]);
		}
		assert_non_null(strstr(buf_str(&t.raw), "\033[?1049h"));
		assert_true(is_cooked(&t));
		assert_false(vt_is_alternate(t.vt));
		assert_true(vt_cursor(t.vt).is_visible);
		assert_int_equal(vt_input(t.vt).mouse, VT_MOUSE_NONE);
		tty_close(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(modes_are_set_while_open_and_put_back),
		cmocka_unit_test(the_mouse_is_left_alone_unless_asked_for),
		cmocka_unit_test(the_terminal_is_given_back_and_taken_again),
		cmocka_unit_test(a_reader_that_stops_gets_the_last_frame_only),
		cmocka_unit_test(a_terminal_that_is_gone_takes_nothing_and_hurts_nobody),
		cmocka_unit_test(the_terminal_is_asked_once_and_its_attributes_last),
		cmocka_unit_test(frames_are_synchronized_once_the_terminal_said_so),
		cmocka_unit_test(keys_are_told_apart_in_the_best_way_there_is),
		cmocka_unit_test(underlines_have_their_styles_where_the_name_is_known),
		cmocka_unit_test(titles_and_notices_are_made_safe),
		cmocka_unit_test(the_clipboard_is_set_up_to_a_limit),
		cmocka_unit_test(colours_follow_the_environment),
		cmocka_unit_test(old_terminals_get_no_private_sequences),
		cmocka_unit_test(the_locale_decides_about_ascii),
		cmocka_unit_test(a_locale_that_is_not_installed_still_names_its_encoding),
		cmocka_unit_test(unusable_terminals_are_refused),
		cmocka_unit_test(the_size_is_the_terminals),
		cmocka_unit_test(the_terminal_is_put_back_when_the_process_dies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
