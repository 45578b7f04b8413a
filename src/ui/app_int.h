/* Inside the dashboard: what its files share. Nobody else includes this. */
#ifndef UI_APP_INT_H
#define UI_APP_INT_H

#include "core/buf.h"
#include "core/err.h"
#include "core/fleet.h"
#include "core/loop.h"
#include "core/push.h"
#include "ui/app.h"
#include "ui/canvas.h"
#include "ui/input.h"
#include "ui/keymap.h"
#include "ui/layout.h"
#include "ui/notice.h"
#include "ui/rich.h"
#include "ui/theme.h"

#define APP_FRAME_MS   16	/* what agents write is drawn so often... */
#define APP_ANSWER_MS  3	/* ...and so often while a key may be answered by it */
#define APP_ANSWER_NS  50000000u
#define APP_MESSAGE_NS 6000000000ll
#define APP_NEW_NS     5000000000ll	/* how long a row is new */
#define APP_LINE_MAX   4096
#define APP_LINES_MAX  256

struct screen;

enum app_pane { PANE_SESSIONS, PANE_TERMINAL, PANE_EGRESS, PANE_VERDICTS, PANES };

/* A list of events: the egress pane, or the gate's. */
struct events_view {
	bool is_gate;
	uint64_t selected;	/* an event's seq, so that new ones do not move it */
	bool follows;		/* the newest is selected */
	size_t top;		/* first row shown, among those that match */
	size_t *list;		/* those, as indexes into the fleet's events... */
	size_t n, cap;
	uint64_t version;	/* ...of this version; 0: to be made anew */
};

/* A terminal's scrollback being looked at. */
struct scroll_view {
	bool is_on;
	uint64_t line;		/* the cursor */
	uint64_t mark;		/* where a selection began */
	bool has_mark;
	unsigned epoch;
	char *search;
};

enum dialog_kind { DIALOG_NONE, DIALOG_CARD, DIALOG_CONFIRM, DIALOG_PROMPT, DIALOG_FORM };

struct app;
typedef void dialog_fn(struct app *a, bool accepted);

/* One at a time; a new one replaces the old. */
struct dialog {
	enum dialog_kind kind;
	char *title;
	char *text;		/* lines, safe to show */
	int top;		/* first line shown */
	size_t choice;		/* DIALOG_CONFIRM: 0 cancel, 1 yes; DIALOG_FORM: the agent */
	size_t color;		/* DIALOG_FORM: 0 is the agent's own */
	int field;		/* likewise: the one that has the keys */
	const char *yes;	/* what the button of DIALOG_CONFIRM says */
	struct buf input;	/* DIALOG_PROMPT; DIALOG_FORM: the label */
	bool is_secret;
	uint64_t opened_ns;
	dialog_fn *done;
	char subject[128];	/* what it is about: a session, an agent, a command */
};

struct hint_item {
	enum ui_command cmd;
	const char *word;	/* NULL ends a list */
};

/* The record of the push that is looked at, read from its gate. */
struct push_view {
	char session[FLEET_NAME_MAX], id[PUSH_ID_MAX + 1];
	struct push push;
	bool has_push;
	char *error;
	struct backend_job *job;
	int64_t read_ns;
};

/* What lies over the panes: the inbox, a card, a diff. They stack; the topmost has
 * the keys, also while an agent would have them. Commands that it does not know are
 * the dashboard's where that makes sense over an overlay, see overlay_command(). */
struct overlay;
struct overlay_class {
	const char *name;
	bool is_box;	/* as high as its text; else all of the body */
	bool keeps;	/* what build() made is kept: it is long, and does not change */
	const struct hint_item *hints;
	/* Other ones, by what it is about now; NULL: always those. */
	const struct hint_item *(*hints_for)(const struct app *a, const struct overlay *o);
	/* What it shows, made anew for each frame; title is empty. */
	void (*build)(struct app *a, struct overlay *o, struct rich *r, struct buf *title);
	/* A list above the text; NULL: none. Returns the rows that it took. */
	int (*draw_list)(struct app *a, struct overlay *o, struct canvas c);
	/* False: not one of its commands. */
	bool (*command)(struct app *a, struct overlay *o, enum ui_command c,
	                const char *argument);
	/* It was clicked in row y of its list. May be NULL. */
	void (*click)(struct app *a, struct overlay *o, int y);
	void (*free)(struct overlay *o);	/* what state points to; may be NULL */
};

struct overlay {
	const struct overlay_class *class;
	struct overlay *below;
	int top;		/* first row shown of the text */
	size_t list_top;
	uint64_t pinned;	/* what is selected, by an id that does not change */
	size_t last;		/* and where it was */
	uint64_t item, seq;	/* what it is about: of the inbox, and the event; or 0 */
	char session[FLEET_NAME_MAX];
	bool shows_raw;
	size_t chosen;		/* the line of the text that is the person's choice... */
	bool shows_chosen;	/* ...to be brought into sight */
	struct rect list_at;	/* where its list was drawn */
	int cols;		/* of the text, as drawn */
	struct rich kept;	/* class->keeps */
	char *kept_title;
	void *state;
};

/* A launch being prepared on the screen: which questions are left. */
struct asking {
	bool is_relaunch;
	char agent[FLEET_NAME_MAX], label[FLEET_NAME_MAX], session[FLEET_NAME_MAX];
	char color[SESSION_COLOR_SIZE];
	size_t next;		/* index into the bottle's env */
	char **answers;
	size_t n_answers;
};

struct app {
	struct app_options opt;
	struct loop *loop;
	struct fleet *fleet;
	struct screen *screen;
	struct grid *grid;
	struct input *input;
	struct theme *theme;
	struct vtkey prefix;
	struct layout layout;

	char selected[FLEET_NAME_MAX];	/* a row's name */
	char **marks;			/* names of marked rows */
	bool has_chosen;		/* the person touched a key */
	enum app_pane focus;
	bool is_attached;		/* the agent has the keyboard */
	bool found_attach;		/* opt.attach was listed */
	bool prefix_pending;
	bool is_zoomed;
	bool shows_shell;		/* instead of the selected agent's own terminal */
	bool saw_shell;			/* it was on the screen since then */
	int n_terms;
	struct events_view egress, verdicts;
	char *filter;
	size_t session_lines[APP_LINES_MAX];	/* rows of the list as drawn: which session */
	size_t n_session_lines;
	struct scroll_view scroll;
	struct overlay *overlay;	/* the topmost; NULL for none */
	struct push_view push;
	struct dialog dialog;
	struct asking asking;
	struct buf clipboard;		/* what an agent wants to put there */

	bool is_dirty;
	bool needs_all;			/* not just what terminals wrote */
	struct vt *drawn[LAYOUT_TERMS_MAX];	/* by the last frame, for nobody to look into */
	bool is_hurried, gave_up;	/* while leaving: launches are undone; or left alone */
	uint64_t last_draw_ns, next_draw_ns;
	uint64_t typed_ns;		/* the last key */
	bool has_terminal_focus;	/* as far as it tells */
	uint64_t noticed;		/* the inbox's newest row that was looked at */
	int64_t opened_ns;		/* CLOCK_REALTIME */
	struct notice_rate notice_rate;
	struct loop_timer draw_timer, input_timer, clock_timer;
	int signal_fd;
	struct err err;
};

/* app.c */
void app_dirty(struct app *a);
void app_quit(struct app *a);
void app_suspend_for(struct app *a, void (*fn)(struct app *a));	/* without the screen */

/* app_view.c: what is selected */
const struct fleet_row *app_row(const struct app *a);	/* NULL when there is none */
size_t app_row_index(const struct app *a);
void app_select(struct app *a, const char *name);
void app_move(struct app *a, int by);
bool app_runs(const struct app *a, const char *session);
bool app_is_marked(const struct app *a, const char *name);
void app_mark(struct app *a, const char *name);
struct vt *app_terminal(struct app *a, int which);	/* of layout.terms[which]; or NULL */
const struct fleet_row *app_term_row(const struct app *a, int which);
enum fleet_terminal app_term_kind(const struct app *a);
void app_detach(struct app *a);

/* app_events.c */
size_t events_count(const struct app *a, struct events_view *v);
/* The i-th matching event, oldest first, as an index into the fleet's. */
size_t events_index(const struct app *a, struct events_view *v, size_t i);
bool events_selected(const struct app *a, struct events_view *v, size_t *fleet_index);
void events_move(struct app *a, struct events_view *v, int by);
void events_draw(struct app *a, struct events_view *v, struct canvas c, bool has_focus);
void events_click(struct app *a, struct events_view *v, int y);	/* y: row of the pane */
bool events_holds_all(const struct event *e, const char *words);	/* as a filter's */
enum theme_element events_element(const struct event *e);
enum theme_sign_id events_sign(const struct event *e);
struct events_view *app_events(struct app *a);		/* of the focused pane, or NULL */

/* app_overlay.c */
struct overlay *overlay_open(struct app *a, const struct overlay_class *class);
void overlay_close(struct app *a);		/* the topmost; NULL is fine */
void overlay_close_all(struct app *a);
void overlay_scroll(struct app *a, struct overlay *o, int by);
/* By how many rows a command moves a selection, past either end for the first and the
 * last; 0: it does not. */
int overlay_step(enum ui_command c);
bool overlay_command(struct app *a, enum ui_command c, const char *argument);
void overlay_draw(struct app *a, struct canvas body);
/* " 1-9 of 23 " into the lower edge of a frame, when not all rows of its text fit. */
void overlay_range(struct canvas box, struct style s, int top, int rows, int need);
const struct hint_item *overlay_hints(const struct app *a, const struct overlay *o);
void overlay_mouse(struct app *a, const struct input_event *ev);

/* app_card.c: the whole story of one thing */
void card_open(struct app *a, uint64_t item, uint64_t seq);
/* Into r: of the inbox's row (0: none) and the event (0: none). */
void card_build(struct app *a, struct rich *r, uint64_t item, uint64_t seq, bool shows_raw);
const char *card_title(uint64_t item, const struct app *a, uint64_t seq);
/* Hints for a push that waits for an answer, one that was refused, a block, and anything
 * else. */
struct card_hints {
	const struct hint_item *held, *push, *block, *other;
};
const struct hint_item *card_choose_hints(const struct app *a, uint64_t item, uint64_t seq,
                                          const struct card_hints *hints);
/* A command about it: allow, dismiss, diff, relaunch, open. False: none of these. */
bool card_command(struct app *a, enum ui_command c, uint64_t item, uint64_t seq,
                  const char *argument);

/* app_choice.c: a question without a default, deaf for its first moments. Opened
 * first, then filled: text, and options unless it is only a notice. */
struct choice;
typedef void choice_fn(struct app *a, struct choice *ch);
struct choice {
	char *title;
	struct rich text;
	char **options;
	size_t n_options;
	int chosen;	/* -1: nothing yet */
	bool is_thaw;
	uint64_t opened_ns;
	choice_fn *done;	/* NULL: a notice, nothing to be chosen. Else called when
				 * something was, and ch is freed after it */
	char session[FLEET_NAME_MAX];
	char host[256];		/* or a push's id */
	void *extra;
	void (*free_extra)(void *extra);
};
struct choice *choice_open(struct app *a, const char *title, choice_fn *done);
void choice_about(struct choice *ch, const char *session, const char *host);	/* copies */
void choice_add(struct choice *ch, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* app_allow.c: each opens its question, or says why not */
void allow_event(struct app *a, const struct event *e);
void allow_host(struct app *a, const char *session, const char *host);
void revoke_host(struct app *a, const char *session, const char *host);
void freeze_ask(struct app *a, const char *session);

/* app_policy.c */
void policy_open(struct app *a, const char *session);
void why_ask(struct app *a, const char *session, const char *url);

/* app_push.c: the push that is looked at. Its record comes later than it is asked
 * for; NULL until then, and *error says why it does not. */
const struct push *push_want(struct app *a, const char *session, const char *id,
                             const char **error);
void push_build(struct app *a, struct rich *r, const char *session, const char *id);
bool push_command(struct app *a, enum ui_command c, const char *session, const char *id);
void push_forget(struct app *a);

/* app_diff.c */
void diff_open(struct app *a, const char *session, const char *id);

/* The same of an event that is not in the fleet. */
void card_event(struct app *a, struct rich *r, const struct event *e, bool shows_raw);
bool card_event_command(struct app *a, enum ui_command c, const struct event *e,
                        const char *argument);

/* app_find.c */
void find_ask(struct app *a);
void find_open(struct app *a, const char *text);

/* app_inbox.c */
void inbox_open(struct app *a);
void inbox_walk(struct app *a);	/* to the next that waits, the oldest first */

/* app_draw.c */
void app_draw(struct app *a);
/* What terminals wrote since, on the last frame; false when that is not enough. */
bool app_draw_terminals(struct app *a);
void app_clock(char out[16], int64_t ts_ns);	/* "12:01:02", local */
enum theme_element app_state_element(const struct fleet_row *r);
const char *app_state_sign(const struct app *a, const struct fleet_row *r);
/* s in that colour (of session_colors or "#rrggbb"), where there are colours. */
struct style app_color(const struct app *a, const char *color, struct style s);
struct style app_session_style(const struct app *a, const char *session, enum theme_element e);
const char *app_state_word(const struct fleet_row *r);

/* app_term.c */
void term_draw(struct app *a, int which, struct canvas c, bool has_focus);
/* The rows that changed. */
void term_update(struct app *a, int which, struct canvas c, bool has_focus);
void term_key(struct app *a, const struct input_event *ev);	/* to the agent */
void term_mouse(struct app *a, const struct input_event *ev, int which);
void scroll_toggle(struct app *a);
void scroll_move(struct app *a, int by);
void scroll_search(struct app *a, int direction);
void scroll_copy(struct app *a);

/* app_dialog.c */
void dialog_close(struct app *a);
void dialog_card(struct app *a, const char *title, char *text);	/* takes text */
void dialog_confirm(struct app *a, const char *title, char *text, const char *yes,
                    dialog_fn *done);
void dialog_prompt(struct app *a, const char *title, const char *text, bool is_secret,
                   dialog_fn *done);
void dialog_form(struct app *a, const char *title);
void dialog_edit(struct app *a, const struct input_event *ev);	/* its input */
void dialog_key(struct app *a, const struct input_event *ev);
void dialog_draw(struct app *a, struct canvas c);

/* app_notice.c */
void notice_look(struct app *a);	/* is there anything new that waits? */
void notice_tick(struct app *a);	/* once a second */

/* app_form.c */
void form_open(struct app *a, const char *agent, const char *label);	/* NULL: none yet */
void form_key(struct app *a, const struct input_event *ev);
void form_draw(struct app *a, struct canvas c);
int form_rows(void);

/* app_cmd.c */
void app_command(struct app *a, enum ui_command c, const char *argument);
void app_command_line(struct app *a, const char *line);
void app_attach(struct app *a);	/* the selected session's agent gets the keyboard */

/* app_show.c */
void show_help(struct app *a);
void show_messages(struct app *a);
void show_manifest(struct app *a);	/* in the editor, and read again after it */
void show_to_file(struct app *a, const char *path);

/* app_launch.c */
/* label and color may be NULL */
void app_launch(struct app *a, const char *agent, const char *label, const char *color);
void app_relaunch(struct app *a);

/* app_keys.c */
void app_input(void *arg, const struct input_event *ev);

#endif
