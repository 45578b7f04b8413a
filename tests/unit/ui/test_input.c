#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/buf.h"
#include "ui/input.h"

/* Everything that came out, in words. */
struct heard {
	struct buf text;
};

static void on_event(void *arg, const struct input_event *ev)
{
	static const char *const buttons[] = { "left", "middle", "right",     "none",
		                               "up",   "down",   "wheelleft", "wheelright" };
	static const char *const actions[] = { "press", "release", "move" };
	struct heard *h = arg;
	char name[32];

	switch (ev->kind) {
	case INPUT_KEY:
		input_key_name(&ev->key, name);
		buf_addf(&h->text, "<%s>", name);
		if (ev->key.text)
			buf_addf(&h->text, "'%s'", ev->key.text);
		return;
	case INPUT_MOUSE:
		buf_addf(&h->text, "<mouse %s %s %d,%d %u>", buttons[ev->button],
		         actions[ev->action], ev->y, ev->x, ev->mods);
		return;
	case INPUT_PASTE:
		buf_addf(&h->text, "<paste%s ", ev->paste_is_cut ? " cut" : "");
		buf_add(&h->text, ev->paste, ev->paste_len);
		buf_addf(&h->text, ">");
		return;
	case INPUT_FOCUS:
		buf_addf(&h->text, "<focus %d>", ev->has_focus);
		return;
	}
}

static void on_answer(void *arg, const struct input_answer *a)
{
	static const char *const kinds[] = { "da1",   "da2",     "mode", "kitty",
		                             "theme", "version", "color" };
	struct heard *h = arg;

	buf_addf(&h->text, "<%s", kinds[a->kind]);
	for (int i = 0; i < a->n; i++)
		buf_addf(&h->text, " %d", a->v[i]);
	buf_addf(&h->text, "%s%s>", *a->text ? " " : "", a->text);
}

static void says_n(const char *bytes, size_t len, const char *want)
{
	/* whole, then cut at every byte, then a byte at a time */
	for (size_t cut = 0; cut <= len + 1; cut++) {
		struct heard h = { BUF_INIT(65536) };
		struct input *in = input_new(on_event, &h);

		input_on_answer(in, on_answer, &h);
		if (cut <= len) {
			input_feed(in, bytes, cut);
			input_feed(in, bytes + cut, len - cut);
		}
		for (size_t i = 0; cut > len && i < len; i++)
			input_feed(in, bytes + i, 1);
		if (input_wait_ms(in, 0) >= 0)
			input_timeout(in);
		if (strcmp(buf_str(&h.text), want) != 0)
			fail_msg("cut at %zu: %s, not %s", cut, buf_str(&h.text), want);
		assert_int_equal(input_wait_ms(in, 0), -1);
		input_free(in);
		buf_done(&h.text);
	}
}

static void says(const char *bytes, const char *want)
{
	says_n(bytes, strlen(bytes), want);
}

static void text_comes_as_keys_with_what_they_typed(void **state)
{
	(void)state;
	says("aZ! ", "<a>'a'<Z>'Z'<!>'!'<Space>' '");
	says("äß漢🙂", "<ä>'ä'<ß>'ß'<漢>'漢'<🙂>'🙂'");
}

static void bytes_that_are_no_utf8_type_nothing(void **state)
{
	(void)state;
	says("a\xff\xc0\x80z", "<a>'a'<z>'z'");
	says("\xe6\xbcz", "<z>'z'");
	says("\xed\xa0\x80z\xc2\x9bq", "<z>'z'<q>'q'");
}

static void controls_are_keys_with_ctrl(void **state)
{
	(void)state;
	says_n("\0\x01\x1a\x1c\x1d\x1e\x1f", 7,
	       "<ctrl-Space><ctrl-a><ctrl-z><ctrl-\\><ctrl-]><ctrl-^><ctrl-_>");
	says("\t\r\n\x7f\b", "<Tab><Enter><ctrl-j><Backspace><ctrl-h>");
}

static void escape_with_a_character_is_alt(void **state)
{
	(void)state;
	says("\033x\033X\033\x01\033\r\033\x7f\033ä",
	     "<alt-x><alt-X><ctrl-alt-a><alt-Enter><alt-Backspace><alt-ä>");
	says("\033]q\033Pq\033_q", "<alt-]><q>'q'<alt-P><q>'q'<alt-_><q>'q'");
}

static void escape_alone_is_told_by_time(void **state)
{
	(void)state;
	says("\033", "<Escape>");
	says("\033\033", "<Escape><Escape>");
	says("\033\033[A", "<Escape><Up>");
	says("\033[", "<alt-[>");
	says("\033O", "<alt-O>");
	says("\033]", "<alt-]>");
	says("\033P", "<alt-P>");
}

static void time_counts_from_the_last_byte(void **state)
{
	struct heard h = { BUF_INIT(4096) };
	struct input *in = input_new(on_event, &h);

	(void)state;
	assert_int_equal(input_wait_ms(in, 1000), -1);
	input_feed(in, "\033", 1);
	assert_int_equal(input_wait_ms(in, 1000), INPUT_ESC_MS);
	assert_int_equal(input_wait_ms(in, 1020), INPUT_ESC_MS - 20);
	input_feed(in, "[", 1);
	assert_int_equal(input_wait_ms(in, 1030), INPUT_ESC_MS);
	assert_int_equal(input_wait_ms(in, 2000), 0);
	input_feed(in, "A", 1);
	assert_int_equal(input_wait_ms(in, 2000), -1);
	assert_string_equal(buf_str(&h.text), "<Up>");
	input_timeout(in);
	assert_string_equal(buf_str(&h.text), "<Up>");
	input_free(in);
	buf_done(&h.text);
}

static void cursor_and_editing_keys(void **state)
{
	(void)state;
	says("\033[A\033[B\033[C\033[D\033[H\033[F\033[E",
	     "<Up><Down><Right><Left><Home><End><Begin>");
	says("\033OA\033OB\033OC\033OD\033OH\033OF", "<Up><Down><Right><Left><Home><End>");
	says("\033[1~\033[2~\033[3~\033[4~\033[5~\033[6~\033[7~\033[8~",
	     "<Home><Insert><Delete><End><PageUp><PageDown><Home><End>");
	says("\033[Z", "<shift-Tab>");
}

static void function_keys_of_all_kinds(void **state)
{
	(void)state;
	says("\033OP\033OS\033[11~\033[14~\033[15~\033[17~\033[24~\033[25~\033[34~",
	     "<F1><F4><F1><F4><F5><F6><F12><F13><F20>");
	says("\033[[A\033[[E", "<F1><F5>");
	says("\033[P\033[57376u\033[57398u", "<F1><F13><F35>");
}

static void modifiers_of_xterm_and_rxvt(void **state)
{
	(void)state;
	says("\033[1;2A\033[1;3B\033[1;5C\033[1;6D\033[1;7H\033[1;8F",
	     "<shift-Up><alt-Down><ctrl-Right><ctrl-shift-Left><ctrl-alt-Home><ctrl-alt-shift-"
	     "End>");
	says("\033[3;5~\033[1;2P\033[1;5R\033[1;3S\033[15;2~\033O5A",
	     "<ctrl-Delete><shift-F1><ctrl-F3><alt-F4><shift-F5><ctrl-Up>");
	says("\033[a\033Oa\033[3^\033[3@", "<shift-Up><ctrl-Up><ctrl-Delete><ctrl-shift-Delete>");
	says("\033[3$", "<shift-Delete>");
}

static void the_keypad_in_application_mode(void **state)
{
	(void)state;
	says("\033Op\033Oy\033On\033OM\033Ok\033OX",
	     "<KP0>'0'<KP9>'9'<KP.>'.'<KPEnter><KP+>'+'<KP=>'='");
}

static void kitty_keys(void **state)
{
	(void)state;
	says("\033[27u\033[13;5u\033[9;5u\033[127;3u",
	     "<Escape><ctrl-Enter><ctrl-Tab><alt-Backspace>");
	says("\033[105;5u\033[97;6u\033[97;3u\033[97:65;4u",
	     "<ctrl-i><ctrl-shift-a><alt-a><alt-A>");
	says("\033[97;5:1u\033[97;5:2u\033[97;5:3u", "<ctrl-a><ctrl-a>");
	says("\033[1;5:3A\033[3;5:3~\033[1;1:1A", "<Up>");
	says("\033[97;2;65u\033[0;;229u", "<A>'A'");
	says("\033[57399u\033[57414u\033[57417u\033[57358u", "<KP0><KPEnter><Left>");
	says("\033[97;69u", "<ctrl-a>"); /* caps lock does not matter */
}

static void keys_of_modify_other_keys(void **state)
{
	(void)state;
	says("\033[27;5;105~\033[27;2;13~\033[27;5;9~\033[27;6;65~",
	     "<ctrl-i><shift-Enter><ctrl-Tab><ctrl-shift-a>");
	says("\033[27;6;33~\033[27;2;32~", "<ctrl-!><shift-Space>' '");
}

static void the_mouse_in_both_forms(void **state)
{
	(void)state;
	says("\033[<0;1;1M\033[<0;10;5m\033[<2;300;200M",
	     "<mouse left press 0,0 0><mouse left release 4,9 0><mouse right press 199,299 0>");
	says("\033[<32;3;4M\033[<35;3;4M\033[<64;1;1M\033[<65;1;1M",
	     "<mouse left move 3,2 0><mouse none move 3,2 0><mouse up press 0,0 0><mouse down "
	     "press "
	     "0,0 0>");
	says("\033[<28;1;1M", "<mouse left press 0,0 7>");
	says("\033[M !!\033[M#\"!x", "<mouse left press 0,0 0><mouse none release 0,1 0><x>'x'");
}

static void mouse_reports_that_make_no_sense_are_dropped(void **state)
{
	(void)state;
	says("\033[<0;0;1M\033[<0;1M\033[<3;1;1M\033[<128;1;1M\033[<;;M\033[M\x01\x02\x03x",
	     "<x>'x'");
}

static void focus_is_told(void **state)
{
	(void)state;
	says("\033[I\033[O", "<focus 1><focus 0>");
}

static void a_paste_comes_whole_and_is_not_keys(void **state)
{
	(void)state;
	says("a\033[200~hello\r\033[A\x03 wörld\033[201~b",
	     "<a>'a'<paste hello\r\033[A\x03 wörld><b>'b'");
	says("\033[200~\033[201~", "<paste >");
	says("\033[200~\033\033[201\033[201~", "<paste \033\033[201>");
}

static void a_paste_waits_for_its_end(void **state)
{
	struct heard h = { BUF_INIT(4096) };
	struct input *in = input_new(on_event, &h);

	(void)state;
	input_feed(in, "\033[200~rm -rf\r", 13);
	assert_int_equal(input_wait_ms(in, 0), -1);
	input_timeout(in);
	assert_string_equal(buf_str(&h.text), "");
	input_feed(in, "\033[201~", 6);
	assert_string_equal(buf_str(&h.text), "<paste rm -rf\r>");
	input_free(in);
	buf_done(&h.text);
}

struct paste_seen {
	size_t len;
	bool is_cut;
	int n;
};

static void on_long_paste(void *arg, const struct input_event *ev)
{
	struct paste_seen *p = arg;

	p->len = ev->paste_len;
	p->is_cut = ev->paste_is_cut;
	p->n += ev->kind == INPUT_PASTE;
}

static void a_long_paste_is_cut_and_says_so(void **state)
{
	struct paste_seen seen = { 0 };
	struct input *in = input_new(on_long_paste, &seen);
	static char block[65536];

	(void)state;
	memset(block, 'x', sizeof block);
	input_feed(in, "\033[200~", 6);
	for (size_t n = 0; n <= INPUT_PASTE_MAX; n += sizeof block)
		input_feed(in, block, sizeof block);
	input_feed(in, "\033[201~\033[200~y\033[201~", 19);
	assert_int_equal(seen.n, 2);
	assert_int_equal(seen.len, 1);
	assert_false(seen.is_cut);
	input_feed(in, "\033[200~", 6);
	for (size_t n = 0; n <= INPUT_PASTE_MAX; n += sizeof block)
		input_feed(in, block, sizeof block);
	input_feed(in, "\033[201~", 6);
	assert_int_equal(seen.len, INPUT_PASTE_MAX);
	assert_true(seen.is_cut);
	input_free(in);
}

static void answers_are_not_keys(void **state)
{
	(void)state;
	says("\033[?62;22c\033[>41;390;0c\033[?2026;2$y\033[?1u\033[?997;2n",
	     "<da1 62 22><da2 41 390 0><mode 2026 2><kitty 1><theme 2>");
	says("\033P>|tmux 3.3a\033\\x\033P>|kitty\a", "<version tmux 3.3a><x>'x'<version kitty>");
	says("\033]11;rgb:1111/2222/3333\033\\\033]10;rgb:f/f/f\a",
	     "<color 11 rgb:1111/2222/3333><color 10 rgb:f/f/f>");
	says("\033P1$r0m\033\\\033[4;600;800t\033[12;34R\033]52;c;AAAA\033\\x", "<x>'x'");
}

static void a_broken_answer_does_not_swallow_the_next_key(void **state)
{
	(void)state;
	says("\033P>|kit\033[A", "<Up>");
	says("\033]11;rg\x18x", "<x>'x'");
	says("\033[12;3\033[B", "<Down>");
	says("\033[12;3\rx", "<Enter><x>'x'");
}

static void an_answer_cut_off_is_dropped_in_time(void **state)
{
	(void)state;
	says("\033P>|kitty", "");
	says("\033[?62;2", "");
	says("\033[12", "");
}

static void sequences_too_long_are_dropped(void **state)
{
	char bytes[1024] = "\033[";

	(void)state;
	memset(bytes + 2, '1', 900);
	memcpy(bytes + 902, "~x", 3);
	says(bytes, "<x>'x'");
	for (int i = 0; i < 40; i++)
		memcpy(bytes + 2 + 2 * i, "1;", 2);
	memcpy(bytes + 82, "Ax", 3);
	says(bytes, "<x>'x'");
}

static void names_and_keys_go_both_ways(void **state)
{
	static const char *const names[] = {
		"a",
		"G",
		"!",
		"ctrl-]",
		"ctrl-a",
		"alt-x",
		"alt-X",
		"F5",
		"F35",
		"shift-Tab",
		"ctrl-alt-Left",
		"Space",
		"Escape",
		"Enter",
		"PageUp",
		"super-a",
		"KP7",
		"KPEnter",
		"KP+",
		"ctrl-shift-a",
		"ctrl-Space",
		"ä",
		"-",
		"ctrl--",
		"Backspace",
		"Delete",
		"Begin",
	};
	char out[32];

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct vtkey key;

		if (input_parse_key(&key, names[i]) < 0)
			fail_msg("%s is not taken", names[i]);
		input_key_name(&key, out);
		assert_string_equal(out, names[i]);
	}
}

static void names_may_be_written_in_other_ways(void **state)
{
	static const char *const pairs[][2] = {
		{ "Ctrl-C", "ctrl-c" }, { "shift-g", "G" },     { "esc", "Escape" },
		{ "RETURN", "Enter" },  { "pgdn", "PageDown" }, { "alt-ctrl-x", "ctrl-alt-x" },
		{ "f12", "F12" },       { " ", "Space" },       { "del", "Delete" },
	};
	char out[32];

	(void)state;
	for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
		struct vtkey key;

		assert_int_equal(input_parse_key(&key, pairs[i][0]), 0);
		input_key_name(&key, out);
		assert_string_equal(out, pairs[i][1]);
	}
}

static void what_is_no_key_is_refused(void **state)
{
	static const char *const names[] = { "",   "ctrl-", "foo",  "F0",   "F36", "F1x",
		                             "ab", "\033",  "\x7f", "KP10", "\xff" };
	struct vtkey key = { 7, 7, NULL };

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		assert_int_equal(input_parse_key(&key, names[i]), -1);
	assert_int_equal(key.code, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_comes_as_keys_with_what_they_typed),
		cmocka_unit_test(bytes_that_are_no_utf8_type_nothing),
		cmocka_unit_test(controls_are_keys_with_ctrl),
		cmocka_unit_test(escape_with_a_character_is_alt),
		cmocka_unit_test(escape_alone_is_told_by_time),
		cmocka_unit_test(time_counts_from_the_last_byte),
		cmocka_unit_test(cursor_and_editing_keys),
		cmocka_unit_test(function_keys_of_all_kinds),
		cmocka_unit_test(modifiers_of_xterm_and_rxvt),
		cmocka_unit_test(the_keypad_in_application_mode),
		cmocka_unit_test(kitty_keys),
		cmocka_unit_test(keys_of_modify_other_keys),
		cmocka_unit_test(the_mouse_in_both_forms),
		cmocka_unit_test(mouse_reports_that_make_no_sense_are_dropped),
		cmocka_unit_test(focus_is_told),
		cmocka_unit_test(a_paste_comes_whole_and_is_not_keys),
		cmocka_unit_test(a_paste_waits_for_its_end),
		cmocka_unit_test(a_long_paste_is_cut_and_says_so),
		cmocka_unit_test(answers_are_not_keys),
		cmocka_unit_test(a_broken_answer_does_not_swallow_the_next_key),
		cmocka_unit_test(an_answer_cut_off_is_dropped_in_time),
		cmocka_unit_test(sequences_too_long_are_dropped),
		cmocka_unit_test(names_and_keys_go_both_ways),
		cmocka_unit_test(names_may_be_written_in_other_ways),
		cmocka_unit_test(what_is_no_key_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
