/* The terminal's modes, and the queue of bytes on their way to it. Drawing is
 * ui/diff's, what the terminal knows is ui/caps'. */
#include "ui/screen.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/mem.h"
#include "core/text.h"
#include "core/vt.h"
#include "ui/caps.h"
#include "ui/diff.h"
#include "ui/input.h"
#include "ui/screen_guard.h"

/* A frame of 1000 x 1000 cells, each in a colour of its own, is the worst. */
#define QUEUE_MAX ((size_t)64 << 20)
#define TITLE_MAX 256
#define NOTIFY_MAX 512
#define COPY_MAX ((size_t)100 * 1024)
#define ANSWER_WAIT_MS 100

enum keys { KEYS_PLAIN, KEYS_KITTY, KEYS_XTERM };

struct screen {
	int in_fd, out_fd;
	int fd;         /* out_fd opened anew, so that not blocking is ours alone */
	bool is_polled; /* it could not be: ask before each small write */
	bool is_active; /* ours now, not given back */
	bool is_gone;   /* takes nothing any more */
	bool has_mouse;
	bool has_answered; /* no answer is on its way */
	enum keys keys;
	struct caps caps;
	struct termios saved;
	struct diff *diff;
	bool has_frame; /* diff took one that is not emitted yet */
	struct buf queue;
	size_t sent; /* bytes of the queue that are written */
};

/* --- the queue ------------------------------------------------------------------ */

static size_t write_some(struct screen *s, const char *data, size_t len)
{
	struct pollfd p = { .fd = s->fd, .events = POLLOUT };
	ssize_t n;

	if (s->is_polled) {
		if (poll(&p, 1, 0) <= 0)
			return 0;
		len = len < 256 ? len : 256;
	}
	do
		n = write(s->fd, data, len);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno != EAGAIN)
		s->is_gone = true; /* the reader of the input will see the end of it */
	return n > 0 ? (size_t)n : 0;
}

/* True when all has been written. */
static bool write_queue(struct screen *s)
{
	while (s->sent < s->queue.len && !s->is_gone) {
		size_t n = write_some(s, s->queue.data + s->sent, s->queue.len - s->sent);

		if (n == 0 && !s->is_gone)
			return false;
		s->sent += n;
	}
	s->sent = 0;
	if (s->queue.cap > (size_t)1 << 20)
		buf_done(&s->queue);
	buf_reset(&s->queue);
	return true;
}

bool screen_flush(struct screen *s)
{
	if (!s->is_active || s->is_gone)
		return false;
	while (write_queue(s)) {
		if (!s->has_frame)
			return false;
		s->has_frame = false;
		diff_emit(s->diff, &s->queue);
		if (s->queue.len == 0)
			return false;
	}
	return true;
}

bool screen_draw(struct screen *s, struct grid *g)
{
	if (!s->is_active || s->is_gone)
		return false;
	diff_take(s->diff, g);
	s->has_frame = true;
	return screen_flush(s);
}

void screen_redraw_all(struct screen *s)
{
	diff_forget(s->diff);
}

/* All of it or nothing: a sequence that is cut would swallow what follows. */
static void enqueue(struct screen *s, const struct buf *text)
{
	if (s->is_active && !s->is_gone && !text->overflowed &&
	    text->len <= s->queue.max - s->queue.len) {
		buf_add(&s->queue, buf_str(text), text->len);
		screen_flush(s);
	}
}

/* --- modes ------------------------------------------------------------------------ */

static const char *keys_text(enum keys keys)
{
	return keys == KEYS_KITTY ? "\033[>1u" : keys == KEYS_XTERM ? "\033[>4;1m" : "";
}

/* What is asked: the name (XTVERSION), kitty's keys, mode 2026, and last the
 * device's attributes, which every terminal answers: then the others have been. */
static void enter_text(const struct screen *s, struct buf *out)
{
	if (s->caps.is_modern) {
		buf_adds(out, "\033[?1049h\033[22;2t\033[?7l\033[?25l\033[?2004h\033[?1004h");
		buf_adds(out, s->has_mouse ? "\033[?1002h\033[?1006h" : "");
		buf_adds(out, keys_text(s->keys));
		buf_adds(out, s->has_answered ? "" : "\033[>q\033[?u\033[?2026$p\033[c");
	} else {
		buf_adds(out, "\033[?7l\033[?25l");
	}
}

/* Begins with what ends a string that a crash cut. */
static void leave_text(const struct screen *s, struct buf *out)
{
	if (s->caps.is_modern) {
		buf_adds(out, "\033\\\033]8;;\033\\\033[?2026l\033[m");
		buf_adds(out, s->keys == KEYS_KITTY ? "\033[<u" : "");
		buf_adds(out, s->keys == KEYS_XTERM ? "\033[>4m" : "");
		buf_adds(out, s->has_mouse ? "\033[?1006l\033[?1002l" : "");
		buf_adds(out,
		         "\033[?1004l\033[?2004l\033[0 q\033[?7h\033[?25h\033[23;2t\033[?1049l");
	} else {
		buf_adds(out, "\033[m\033[H\033[2J\033[?7h\033[?25h");
	}
}

static void set_guard(const struct screen *s)
{
	struct buf text = BUF_INIT(1024);

	leave_text(s, &text);
	screen_guard_set(s->fd, &s->saved, buf_str(&text), text.len);
	buf_done(&text);
}

static int enter(struct screen *s, struct err *err)
{
	struct termios raw;

	if (tcgetattr(s->out_fd, &s->saved) < 0)
		return err_errno(err, ERR_INPUT, errno, "the terminal's modes");
	set_guard(s);

	raw = s->saved;
	raw.c_iflag &=
		~(tcflag_t)(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
	raw.c_oflag &= ~(tcflag_t)OPOST;
	raw.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
	raw.c_cflag &= ~(tcflag_t)(CSIZE | PARENB);
	raw.c_cflag |= CS8;
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	if (tcsetattr(s->out_fd, TCSANOW, &raw) < 0) {
		screen_guard_clear();
		return err_errno(err, ERR_INPUT, errno, "the terminal's modes");
	}
	buf_reset(&s->queue);
	s->sent = 0;
	s->has_frame = false;
	s->is_active = true;
	diff_forget(s->diff);
	enter_text(s, &s->queue);
	write_queue(s);
	return 0;
}

/* Half a sequence may be out, which leave_text() ends; the rest of the queue is
 * for a screen that goes away. */
static void leave(struct screen *s)
{
	struct pollfd p = { .fd = s->in_fd, .events = POLLIN };

	if (!s->is_active)
		return;
	s->is_active = false;
	screen_guard_restore();
	if (s->caps.is_modern && !s->has_answered && !s->is_gone)
		poll(&p, 1, ANSWER_WAIT_MS); /* or the shell would get the answer */
	tcflush(s->out_fd, TCIFLUSH);        /* mouse reports and such, not for the shell */
}

static int open_anew(struct screen *s, struct err *err)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/self/fd/%d", s->out_fd);
	s->fd = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (s->fd >= 0)
		return 0;
	s->is_polled = true;
	s->fd = fcntl(s->out_fd, F_DUPFD_CLOEXEC, 0);
	return s->fd >= 0 ? 0 : err_errno(err, ERR_FAILED, errno, "the terminal");
}

int screen_open(struct screen **out, const struct screen_options *opt, struct err *err)
{
	struct screen *s;
	struct caps caps;

	if (!isatty(opt->out_fd))
		return err_set(err, ERR_INPUT, "the output is no terminal");
	if (!isatty(opt->in_fd))
		return err_set(err, ERR_INPUT, "the input is no terminal");
	if (caps_find(&caps, opt, opt->out_fd, err) < 0)
		return -1;
	s = xcalloc(1, sizeof *s);
	s->in_fd = opt->in_fd;
	s->out_fd = opt->out_fd;
	s->fd = -1;
	s->caps = caps;
	s->has_mouse = opt->with_mouse && caps.is_modern;
	s->queue = (struct buf)BUF_INIT(QUEUE_MAX);
	s->diff = diff_new(&caps.diff);
	if (open_anew(s, err) < 0 || enter(s, err) < 0) {
		screen_close(s);
		return -1;
	}
	*out = s;
	return 0;
}

void screen_close(struct screen *s)
{
	if (!s)
		return;
	leave(s);
	screen_guard_done();
	if (s->fd >= 0)
		close(s->fd);
	buf_done(&s->queue);
	diff_free(s->diff);
	free(s);
}

void screen_suspend(struct screen *s)
{
	leave(s);
}

int screen_resume(struct screen *s, struct err *err)
{
	return s->is_active ? 0 : enter(s, err);
}

/* --- what it is --------------------------------------------------------------------- */

static int clamp_size(long n, int otherwise)
{
	return n < VT_SIZE_MIN ? otherwise : n > VT_SIZE_MAX ? VT_SIZE_MAX : (int)n;
}

static long size_from_env(const char *name)
{
	const char *v = getenv(name);

	return v ? strtol(v, NULL, 10) : 0;
}

void screen_size(const struct screen *s, int *rows, int *cols)
{
	struct winsize w = { 0 };

	if (ioctl(s->out_fd, TIOCGWINSZ, &w) < 0)
		w = (struct winsize){ 0 };
	*rows = clamp_size(w.ws_row ? w.ws_row : size_from_env("LINES"), 24);
	*cols = clamp_size(w.ws_col ? w.ws_col : size_from_env("COLUMNS"), 80);
}

enum screen_colors screen_colors(const struct screen *s)
{
	return s->caps.diff.colors;
}

bool screen_is_ascii(const struct screen *s)
{
	return s->caps.diff.is_ascii;
}

static void set_keys(struct screen *s, enum keys keys)
{
	struct buf b = BUF_INIT(16);

	if (s->keys != KEYS_PLAIN)
		return;
	s->keys = keys;
	set_guard(s);
	buf_adds(&b, keys_text(keys));
	enqueue(s, &b);
	buf_done(&b);
}

static bool knows_underlines(const char *version)
{
	static const char *const names[] = { "kitty",  "WezTerm", "foot", "ghostty", "contour",
		                             "iTerm2", "mintty",  "VTE",  "Konsole", "tmux" };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strncmp(version, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

void screen_answer(struct screen *s, const struct input_answer *a)
{
	struct diff_caps *c = &s->caps.diff;

	if (!s->is_active || !s->caps.is_modern)
		return;
	switch (a->kind) {
	case INPUT_ANSWER_MODE:
		/* set, reset or always set: it is known */
		c->has_sync |= a->v[0] == 2026 && a->v[1] >= 1 && a->v[1] <= 3;
		break;
	case INPUT_ANSWER_KITTY:
		set_keys(s, KEYS_KITTY);
		break;
	case INPUT_ANSWER_VERSION:
		c->has_underlines |= knows_underlines(a->text);
		break;
	case INPUT_ANSWER_DA1:
		s->has_answered = true;
		set_keys(s, KEYS_XTERM);
		break;
	default:
		break;
	}
	diff_set_caps(s->diff, c);
}

/* --- beside the grid ------------------------------------------------------------------ */

static void send_text(struct screen *s, const char *prefix, const char *text, size_t max)
{
	struct buf b = BUF_INIT(max + 64);

	if (!s->caps.is_modern)
		return;
	buf_adds(&b, prefix);
	text_safe(&b, text, strlen(text), max, s->caps.diff.is_ascii);
	buf_adds(&b, "\033\\");
	enqueue(s, &b);
	buf_done(&b);
}

void screen_set_title(struct screen *s, const char *title)
{
	send_text(s, "\033]2;", title, TITLE_MAX);
}

/* A number in front would be one of ConEmu's commands: "9;4;1;50" is progress. */
void screen_notify(struct screen *s, const char *text, bool is_osc777)
{
	const char *osc9 = *text >= '0' && *text <= '9' ? "\033]9; " : "\033]9;";

	send_text(s, is_osc777 ? "\033]777;notify;claude-bottle;" : osc9, text, NOTIFY_MAX);
}

void screen_bell(struct screen *s)
{
	struct buf b = BUF_INIT(8);

	buf_addc(&b, '\a');
	enqueue(s, &b);
	buf_done(&b);
}

static void add_base64(struct buf *out, const char *text, size_t len)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *p = (const unsigned char *)text;

	for (; len > 0; p += 3) {
		size_t n = len < 3 ? len : 3;
		uint32_t v = (uint32_t)p[0] << 16 | (n > 1 ? (uint32_t)p[1] << 8 : 0) |
		             (n > 2 ? p[2] : 0);
		char four[4] = { digits[v >> 18], digits[v >> 12 & 63],
			         n > 1 ? digits[v >> 6 & 63] : '=', n > 2 ? digits[v & 63] : '=' };

		buf_add(out, four, sizeof four);
		len -= n;
	}
}

bool screen_copy(struct screen *s, const char *text, size_t len)
{
	struct buf b = BUF_INIT(COPY_MAX * 2);

	if (len > COPY_MAX || !s->caps.is_modern || !s->is_active)
		return false;
	buf_adds(&b, "\033]52;c;");
	add_base64(&b, text, len);
	buf_adds(&b, "\033\\");
	enqueue(s, &b);
	buf_done(&b);
	return true;
}
