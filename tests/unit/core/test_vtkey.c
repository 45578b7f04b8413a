/* Keys, paste and mouse as bytes. The modes come from the terminal itself, so
 * that what a program asks for and what it gets are tested together. */
#include "vt_help.h"

#include "core/vtkey.h"

#define E "\033"
#define S VTKEY_SHIFT
#define A VTKEY_ALT
#define C VTKEY_CTRL

static struct vt_input asked(const char *bytes)
{
	struct vt *vt = vt_new(24, 80, NULL, NULL);
	struct vt_input in;

	vt_set_cell_pixels(vt, 8, 16);
	feed(vt, bytes);
	in = vt_input(vt);
	vt_free(vt);
	return in;
}

struct key_case {
	uint32_t code;
	unsigned mods;
	const char *want;
};

static void check_keys(const char *modes, const struct key_case *cases, size_t n)
{
	struct vt_input in = asked(modes);
	int bad = 0;

	for (size_t i = 0; i < n; i++) {
		char out[VTKEY_MAX];
		struct vtkey key = { .code = cases[i].code, .mods = cases[i].mods };
		size_t len = vtkey_encode(&in, &key, out);

		if (len != strlen(cases[i].want) || memcmp(out, cases[i].want, len) != 0) {
			print_error("key %x mods %u: got '%.*s', want '%s'\n", cases[i].code,
			            cases[i].mods, (int)len, out, cases[i].want);
			bad++;
		}
	}
	assert_int_equal(bad, 0);
}

#define check(modes, cases) check_keys(modes, cases, sizeof(cases) / sizeof *(cases))

static void keys_are_those_of_xterm(void **state)
{
	static const struct key_case cases[] = {
		{ 'a', 0, "a" },
		{ 'a', S, "A" },
		{ 'a', C, "\001" },
		{ 'a', A, E "a" },
		{ 'a', C | A, E "\001" },
		{ '[', C, E },
		{ '/', C, "\037" },
		{ '?', C, "\177" },
		{ '3', C, E },
		{ '1', C, "1" },
		{ 0xe9, 0, "\xc3\xa9" },
		{ 0x1f600, 0, "\xf0\x9f\x98\x80" },
		{ VTKEY_ENTER, 0, "\r" },
		{ VTKEY_ENTER, A, E "\r" },
		{ VTKEY_TAB, 0, "\t" },
		{ VTKEY_TAB, S, E "[Z" },
		{ VTKEY_BACKSPACE, 0, "\177" },
		{ VTKEY_BACKSPACE, C, "\b" },
		{ VTKEY_ESCAPE, 0, E },
		{ VTKEY_UP, 0, E "[A" },
		{ VTKEY_LEFT, C, E "[1;5D" },
		{ VTKEY_HOME, 0, E "[H" },
		{ VTKEY_END, S, E "[1;2F" },
		{ VTKEY_INSERT, 0, E "[2~" },
		{ VTKEY_DELETE, 0, E "[3~" },
		{ VTKEY_PAGE_UP, C, E "[5;5~" },
		{ VTKEY_PAGE_DOWN, 0, E "[6~" },
		{ VTKEY_F1, 0, E "OP" },
		{ VTKEY_F1 + 3, S, E "[1;2S" },
		{ VTKEY_F1 + 4, 0, E "[15~" },
		{ VTKEY_F1 + 11, 0, E "[24~" },
		{ VTKEY_F1 + 20, 0, "" },
		{ VTKEY_KP_0 + 5, 0, "5" },
		{ VTKEY_KP_ENTER, 0, "\r" },
		{ VTKEY_BASE, 0, "" },
		{ VTKEY_END_OF_LIST, 0, "" },
		{ 0xd800, 0, "" },
		{ 0x7fffffff, 0, "" },
	};
	struct vt_input in = asked("");
	struct vtkey nul = { .code = ' ', .mods = C },
		     typed = { .code = '2', .mods = S, .text = "\"" };
	char out[VTKEY_MAX];

	(void)state;
	check("", cases);
	assert_int_equal(vtkey_encode(&in, &nul, out), 1);
	assert_int_equal(out[0], 0);
	/* what the layout types wins over what we would guess */
	assert_int_equal(vtkey_encode(&in, &typed, out), 1);
	assert_int_equal(out[0], '"');
}

static void application_modes_change_cursor_keys_and_keypad(void **state)
{
	static const struct key_case cases[] = {
		{ VTKEY_UP, 0, E "OA" },       { VTKEY_HOME, 0, E "OH" },
		{ VTKEY_UP, C, E "[1;5A" },    { VTKEY_KP_0 + 5, 0, E "Ou" },
		{ VTKEY_KP_ENTER, 0, E "OM" }, { VTKEY_KP_ADD, 0, E "Ok" },
		{ VTKEY_DELETE, 0, E "[3~" },
	};
	static const struct key_case bs[] = { { VTKEY_BACKSPACE, 0, "\b" },
		                              { VTKEY_BACKSPACE, C, "\177" },
		                              { VTKEY_ENTER, 0, "\r\n" } };

	(void)state;
	check(E "[?1h" E "=", cases);
	check(E "[?67h" E "[20h", bs);
}

static void modify_other_keys_says_what_the_old_forms_cannot(void **state)
{
	static const struct key_case level1[] = {
		{ 'a', 0, "a" },
		{ 'a', C, "\001" },
		{ 'a', C | S, E "[27;6;65~" },
		{ '1', C, E "[27;5;49~" },
		{ VTKEY_ENTER, 0, "\r" },
		{ VTKEY_ENTER, S, E "[27;2;13~" },
		{ VTKEY_TAB, C, E "[27;5;9~" },
		{ VTKEY_TAB, S, E "[Z" },
		{ VTKEY_BACKSPACE, 0, "\177" },
		{ VTKEY_UP, C, E "[1;5A" },
	};
	static const struct key_case level2[] = {
		{ 'a', 0, "a" },
		{ 'a', S, "A" },
		{ 'a', C, E "[27;5;97~" },
		{ 'a', A, E "[27;3;97~" },
		{ VTKEY_TAB, S, E "[27;2;9~" },
		{ VTKEY_ESCAPE, 0, E },
	};
	static const struct key_case off[] = { { 'a', A, E "a" }, { VTKEY_ENTER, S, "\r" } };

	(void)state;
	check(E "[>4;1m", level1);
	check(E "[>4;2m", level2);
	check(E "[>4;2m" E "[>4m", off);
	check(E "[>4;2m" E "[>4n", off);
}

static void kitty_flags_are_followed(void **state)
{
	static const struct key_case one[] = {
		{ 'a', 0, "a" },
		{ 'a', S, "A" },
		{ 'a', C, E "[97;5u" },
		{ 'a', C | S, E "[97;6u" },
		{ VTKEY_ESCAPE, 0, E "[27u" },
		{ VTKEY_ENTER, 0, "\r" },
		{ VTKEY_ENTER, S, E "[13;2u" },
		{ VTKEY_TAB, S, E "[9;2u" },
		{ VTKEY_BACKSPACE, 0, "\177" },
		{ VTKEY_UP, 0, E "[A" },
		{ VTKEY_UP, C, E "[1;5A" },
		{ VTKEY_F1, 0, E "[P" },
		{ VTKEY_F1 + 2, 0, E "[13~" },
		{ VTKEY_F1 + 12, 0, E "[57376u" },
		{ VTKEY_KP_0 + 5, 0, E "[57404u" },
	};
	static const struct key_case all[] = {
		{ 'a', 0, E "[97u" },
		{ 'a', S, E "[97;2u" },
		{ VTKEY_ENTER, 0, E "[13u" },
		{ VTKEY_BACKSPACE, 0, E "[127u" },
	};
	static const struct key_case text[] = {
		{ 'a', 0, E "[97;;97u" },
		{ 'a', S, E "[97;2;65u" },
		{ 'a', C, E "[97;5u" },
		{ 0xe9, 0, E "[233;;233u" },
	};
	static const struct key_case none[] = { { 'a', C, "\001" }, { VTKEY_ESCAPE, 0, E } };

	(void)state;
	check(E "[>1u", one);
	check(E "[>8u", all);
	check(E "[=25u", text);
	check(E "[>1u" E "[<u", none);
	/* what we cannot do is not granted, and changes nothing */
	check(E "[>6u", none);
	/* each screen has its own */
	check(E "[>1u" E "[?1049h", none);
}

static void paste_cannot_break_out(void **state)
{
	static const char text[] = "a\r\nb\nc\td" E "[201~rm" E E "[201~[201~\177\001\xc2\x9b"
				   "201~z\xc3\xa9";
	struct vt_input plain = asked(""), bracketed = asked(E "[?2004h");
	struct buf b = BUF_INIT(1000), tiny = BUF_INIT(4);

	(void)state;
	assert_int_equal(vtkey_paste(&bracketed, text, sizeof text - 1, &b), 0);
	assert_string_equal(buf_str(&b), E "[200~a\rb\rc\tdrm[201~201~z\xc3\xa9" E "[201~");
	buf_reset(&b);
	assert_int_equal(vtkey_paste(&plain, "x\ny\r", 4, &b), 0);
	assert_string_equal(buf_str(&b), "x\ry\r");
	assert_int_equal(vtkey_paste(&plain, "12345", 5, &tiny), -1);
	buf_done(&b);
	buf_done(&tiny);
}

static void check_mouse(const char *modes, struct vtkey_mouse m, const char *want)
{
	struct vt_input in = asked(modes);
	char out[VTKEY_MAX];
	size_t n = vtkey_mouse(&in, &m, out);

	assert_int_equal(n, strlen(want));
	assert_memory_equal(out, want, n);
}

static void mouse_reports_follow_the_mode(void **state)
{
	struct vtkey_mouse press = { VTKEY_PRESS, VTKEY_LEFT_BUTTON, 0, 4, 9 };
	struct vtkey_mouse release = { VTKEY_RELEASE, VTKEY_RIGHT_BUTTON, C, 4, 9 };
	struct vtkey_mouse drag = { VTKEY_MOVE, VTKEY_LEFT_BUTTON, 0, 0, 0 };
	struct vtkey_mouse hover = { VTKEY_MOVE, VTKEY_NO_BUTTON, 0, 0, 0 };
	struct vtkey_mouse wheel = { VTKEY_PRESS, VTKEY_WHEEL_DOWN, 0, 0, 0 };
	struct vtkey_mouse far = { VTKEY_PRESS, VTKEY_LEFT_BUTTON, 0, 0, 500 };
	struct vtkey_mouse outside = { VTKEY_PRESS, VTKEY_LEFT_BUTTON, 0, -1, 5 };

	(void)state;
	check_mouse("", press, "");
	check_mouse(E "[?9h", press, E "[M *%");
	check_mouse(E "[?9h", release, "");
	check_mouse(E "[?9h", wheel, "");
	check_mouse(E "[?1000h", press, E "[M *%");
	check_mouse(E "[?1000h", release, E "[M3*%");
	check_mouse(E "[?1000h", drag, "");
	check_mouse(E "[?1000h", far, "");
	check_mouse(E "[?1000;1006h", press, E "[<0;10;5M");
	check_mouse(E "[?1000;1006h", release, E "[<18;10;5m");
	check_mouse(E "[?1000;1006h", wheel, E "[<65;1;1M");
	check_mouse(E "[?1000;1006h", far, E "[<0;501;1M");
	check_mouse(E "[?1000;1006h", outside, "");
	check_mouse(E "[?1002;1006h", drag, E "[<32;1;1M");
	check_mouse(E "[?1002;1006h", hover, "");
	check_mouse(E "[?1003;1006h", hover, E "[<35;1;1M");
	check_mouse(E "[?1003;1016h", press, E "[<0;77;73M");
	check_mouse(E "[?1003h" E "[?1003l", press, "");
	/* the wheel in a pager that asked for no mouse */
	check_mouse("", wheel, "");
	check_mouse(E "[?1049h", wheel, E "[B" E "[B" E "[B");
	check_mouse(E "[?1049;1h", wheel, E "OB" E "OB" E "OB");
	check_mouse(E "[?1049h" E "[?1007l", wheel, "");
}

static void focus_is_told_when_asked_for(void **state)
{
	struct vt_input no = asked(""), yes = asked(E "[?1004h");
	char out[VTKEY_MAX];

	(void)state;
	assert_int_equal(vtkey_focus(&no, true, out), 0);
	assert_int_equal(vtkey_focus(&yes, true, out), 3);
	assert_memory_equal(out, E "[I", 3);
	assert_int_equal(vtkey_focus(&yes, false, out), 3);
	assert_memory_equal(out, E "[O", 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_those_of_xterm),
		cmocka_unit_test(application_modes_change_cursor_keys_and_keypad),
		cmocka_unit_test(modify_other_keys_says_what_the_old_forms_cannot),
		cmocka_unit_test(kitty_flags_are_followed),
		cmocka_unit_test(paste_cannot_break_out),
		cmocka_unit_test(mouse_reports_follow_the_mode),
		cmocka_unit_test(focus_is_told_when_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
