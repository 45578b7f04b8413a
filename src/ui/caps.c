#include "ui/caps.h"

#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include <curses.h>
#include <term.h>

#include "core/err.h"

static const char *env(const char *name)
{
	const char *s = getenv(name);

	return s ? s : "";
}

/* "de_DE.UTF-8", "C.utf8@euro": what the locale's name says of its encoding. */
static bool names_utf8(void)
{
	static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };
	const char *dot = NULL;
	size_t len;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (*env(names[i])) {
			dot = strchr(env(names[i]), '.');
			break;
		}
	}
	if (!dot)
		return false;
	len = strcspn(++dot, "@");
	return (len == 5 && strncasecmp(dot, "UTF-8", 5) == 0) ||
	       (len == 4 && strncasecmp(dot, "UTF8", 4) == 0);
}

/* Not by nl_langinfo(): whether main called setlocale() shall not matter. A locale
 * that is not installed here, as after ssh, still says what the terminal takes. */
static bool is_utf8(void)
{
	locale_t l = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
	bool yes;

	if (l == (locale_t)0)
		return names_utf8();
	yes = strcmp(nl_langinfo_l(CODESET, l), "UTF-8") == 0;
	freelocale(l);
	return yes;
}

static bool has_string(const char *name)
{
	const char *s = tigetstr(name);

	return s && s != (const char *)-1;
}

static bool begins_with_any(const char *s, const char *const *list)
{
	for (; *list; list++)
		if (strncmp(s, *list, strlen(*list)) == 0)
			return true;
	return false;
}

static enum screen_colors find_colors(void)
{
	const char *colorterm = env("COLORTERM");
	int n = tigetnum("colors");

	if (*env("NO_COLOR"))
		return SCREEN_MONO;
	if (strcmp(colorterm, "truecolor") == 0 || strcmp(colorterm, "24bit") == 0 ||
	    tigetflag("Tc") > 0 || tigetflag("RGB") > 0 || n > 256)
		return SCREEN_TRUE;
	return n >= 256 ? SCREEN_256 : n >= 8 ? SCREEN_16 : SCREEN_MONO;
}

int caps_find(struct caps *out, const struct screen_options *opt, int fd, struct err *err)
{
	static const char *const plain[] = { "linux", "vt", "ansi", "cons", "sun", NULL };
	static const char *const styled[] = { "xterm-kitty", "wezterm",       "foot",    "tmux",
		                              "alacritty",   "xterm-ghostty", "contour", NULL };
	const char *term = env("TERM");
	struct caps c = { .is_modern = !begins_with_any(term, plain) };
	int rc;

	if (setupterm(NULL, fd, &rc) != OK)
		return err_set(
			err, ERR_INPUT,
			*term ? "terminfo does not know this terminal (TERM); try "
		                "TERM=xterm-256color"
			      : "TERM is not set; it must name the terminal, as xterm-256color");
	if (!has_string("cup") || !has_string("clear")) {
		del_curterm(cur_term);
		return err_set(err, ERR_INPUT,
		               "this terminal (TERM) cannot move its cursor; "
		               "the commands work without a dashboard");
	}
	c.diff.colors = find_colors();
	c.diff.has_bce = tigetflag("bce") > 0;
	c.diff.has_ech = has_string("ech");
	c.diff.has_underlines = has_string("Smulx") || begins_with_any(term, styled) ||
	                        strtol(env("VTE_VERSION"), NULL, 10) >= 5102;
	del_curterm(cur_term);

	if (opt->force_colors >= 0 && opt->force_colors <= SCREEN_TRUE)
		c.diff.colors = (enum screen_colors)opt->force_colors;
	c.diff.is_ascii = opt->force_ascii || !is_utf8();
	c.diff.has_links = c.diff.has_shapes = c.is_modern;
	*out = c;
	return 0;
}
