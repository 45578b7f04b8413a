#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/buf.h"
#include "core/json.h"
#include "core/mem.h"

/* Parse, and compare all that is said of it with the text wanted. */
static struct json_doc *parse_n(const char *data, size_t len, const char *wanted)
{
	struct faults faults = { 0 };
	struct buf text = BUF_INIT(1 << 20);
	struct json_doc *doc = json_parse(data, len, 0, "f", &faults);

	faults_text(&faults, &text);
	assert_string_equal(buf_str(&text), wanted);
	faults_done(&faults);
	buf_done(&text);
	return doc;
}

static struct json_doc *parse(const char *data, const char *wanted)
{
	return parse_n(data, strlen(data), wanted);
}

static void accepts(const char *data)
{
	struct json_doc *doc = parse(data, "");

	assert_non_null(doc);
	json_free(doc);
}

/* No tree, and exactly this. */
static void stops(const char *data, const char *wanted)
{
	assert_null(parse(data, wanted));
}

/* A tree, and exactly these faults. */
static void mends(const char *data, const char *wanted)
{
	struct json_doc *doc = parse(data, wanted);

	assert_non_null(doc);
	json_free(doc);
}

static void whatever_the_rfc_allows_is_read(void **state)
{
	static const char *const good[] = {
		"{}",
		"[]",
		"null",
		"true",
		"false",
		"0",
		"-0",
		"1",
		"-1",
		"0.5",
		"1e3",
		"1E+3",
		"1e-3",
		"123456789012345678",
		"\"\"",
		" \t\r\n{} \t\r\n",
		"[[],{},[[]]]",
		"{\"\":0}",
		"{\"a\":{\"a\":0},\"b\":[{\"a\":1},{\"a\":2}]}",
		"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
		"\"\\u0041\\u00e9\\u20ac\\ud83d\\ude00\"",
		"\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"",
		"\"\x7f\"",
		"\"\xef\xbf\xbf\"",
		"\"\\uFFFF\"",
		"[1,2 , 3\n,4]",
		"0.0000000000000001",
	};

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		accepts(good[i]);
}

static void the_first_syntax_fault_is_exact_and_says_what_to_do(void **state)
{
	(void)state;
	stops("", "f:1:1: the file is empty; {} is the smallest one\n");
	stops("  \n ", "f:2:2: the file is empty; {} is the smallest one\n");
	stops("{\n  \"a\": 1,\n}", "f:2:9: no comma after the last element; remove it\n");
	stops("[1,]", "f:1:3: no comma after the last element; remove it\n");
	stops("[1 2]", "f:1:4: a comma or ] is missing before this\n");
	stops("{\"a\":1 \"b\":2}", "f:1:8: a comma or } is missing before this\n");
	stops("[1}", "f:1:3: a comma or ] is missing before this\n");
	stops("[,1]", "f:1:2: /0: a value is missing before this comma\n");
	stops("{\"a\" 1}", "f:1:6: /a: a colon is missing between key and value\n");
	stops("{\"a\":}", "f:1:6: /a: a value is missing here\n");
	stops("{a:1}", "f:1:2: a key must be a string in double quotes\n");
	stops("{1:1}", "f:1:2: a key must be a string in double quotes\n");
	stops("{'a':1}", "f:1:2: strings take double quotes\n");
	stops("[1, /"
	      "/ one\n2]",
	      "f:1:5: /1: JSON has no comments; remove it\n");
	stops("[1 /* one */]", "f:1:4: JSON has no comments; remove it\n");
	stops("{} {}", "f:1:4: something follows the end of the document; remove it\n");
	stops("[", "f:1:2: /0: the file ends where a value should stand\n");
	stops("[1", "f:1:3: the file ends inside an array; close it with ]\n");
	stops("{\"a\":1", "f:1:7: the file ends inside an object; close it with }\n");
	stops("\"a", "f:1:3: the file ends inside a string; close it with \"\n");
	stops("[\"a\n\"]",
	      "f:1:4: /0: a line break inside a string; close it with \" or write \\n\n");
	stops("\"\\x\"", "f:1:2: unknown escape in a string; write a backslash as \\\\\n");
	stops("\"\\", "f:1:2: unknown escape in a string; write a backslash as \\\\\n");
	stops("\"\\u12g4\"", "f:1:2: \\u takes four hexadecimal digits\n");
	stops("True", "f:1:1: not JSON; write true, false or null in small letters\n");
	stops("nul", "f:1:1: not a JSON value; a text needs double quotes\n");
	stops("[NaN]", "f:1:2: /0: JSON has no NaN and no Infinity\n");
	stops("truex", "f:1:5: something follows the end of the document; remove it\n");
}

static void numbers_follow_the_grammar(void **state)
{
	static const char *const bad[] = {
		"+1", ".5", "-", "-.5", "1.", "1.e3", "1e", "1e+", "-x"
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		stops(bad[i], "f:1:1: not a JSON number; write it as 12, -3 or 0.5\n");
	stops("0x10", "f:1:2: something follows the end of the document; remove it\n");
	mends("01", "f:1:1: a number has no leading zeros; remove them\n");
	mends("[-00.5]", "f:1:2: /0: a number has no leading zeros; remove them\n");
	mends("1e999", "f:1:1: a number that is too large\n");
	mends("[10000000000000000000000000000000000000000000000000000000000000001]",
	      "f:1:2: /0: a number of more than 64 characters; shorten it\n");
}

static void every_fault_that_can_be_read_past_is_reported(void **state)
{
	(void)state;
	mends("{\n"
	      " \"a\": 01,\n"
	      " \"b\": \"x\ty\",\n"
	      " \"a\": 2,\n"
	      " \"c\": {\"d/e~\": 1, \"d/e~\": 2, \"d/e~\": 3},\n"
	      " \"e\": [\"\\ud800\", \"\\udc00x\", \"\\u0000\", \"\xff\xfe\"]\n"
	      "}",
	      "f:2:7: /a: a number has no leading zeros; remove them\n"
	      "f:3:9: /b: a raw tab in a string; write \\t\n"
	      "f:4:2: /a: the key \"a\" is given twice, first on line 2; remove one\n"
	      "f:5:19: /c/d~1e~0: the key \"d/e~\" is given twice, first on line 5; remove one\n"
	      "f:5:30: /c/d~1e~0: the key \"d/e~\" is given twice, first on line 5; remove one\n"
	      "f:6:9: /e/0: half of a surrogate pair; write the character itself or both halves\n"
	      "f:6:19: /e/1: half of a surrogate pair; write the character itself or both halves\n"
	      "f:6:30: /e/2: a NUL character cannot be used here; remove \\u0000\n"
	      "f:6:40: /e/3: not UTF-8; save the file as UTF-8\n");
	mends("\xef\xbb\xbf{}", "f:1:1: a byte order mark; save the file as UTF-8 without one\n");
}

static void a_syntax_fault_does_not_hide_the_faults_before_it(void **state)
{
	(void)state;
	stops("{\"a\": 01, \"b\": }", "f:1:7: /a: a number has no leading zeros; remove them\n"
	                              "f:1:16: /b: a value is missing here\n");
}

static void bad_utf8_is_refused(void **state)
{
	static const char *const bad[] = {
		"\"\x80\"",         "\"\xc0\xaf\"",         "\"\xe0\x80\xaf\"",
		"\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"", "\"\xf8\x88\x80\x80\x80\"",
		"\"\xc3\"",         "\"\xe2\x82\"",         "\"\xf0\x9f\x98\"",
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		mends(bad[i], "f:1:2: not UTF-8; save the file as UTF-8\n");
}

static void nul_bytes_are_refused_wherever_they_stand(void **state)
{
	struct json_doc *doc;

	(void)state;
	assert_null(parse_n("{}\0", 3,
	                    "f:1:3: something follows the end of the document; remove it\n"));
	assert_null(parse_n("\0{}", 3, "f:1:1: a NUL byte; the file is no JSON text\n"));
	doc = parse_n("\"a\0b\"", 5,
	              "f:1:3: a raw control byte in a string; write it as \\u00XX or remove it\n");
	assert_string_equal(doc->root->string, "a\xef\xbf\xbd"
	                                       "b");
	json_free(doc);
}

static void depth_ends_at_the_limit(void **state)
{
	char text[2 * JSON_DEPTH_MAX + 3];
	struct faults faults = { 0 };

	(void)state;
	memset(text, '[', JSON_DEPTH_MAX);
	memset(text + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
	text[2 * JSON_DEPTH_MAX] = '\0';
	accepts(text);
	memset(text, '[', JSON_DEPTH_MAX + 1);
	text[JSON_DEPTH_MAX + 1] = '\0';
	assert_null(json_parse(text, strlen(text), 0, "f", &faults));
	assert_int_equal(faults.v[0].column, JSON_DEPTH_MAX + 1);
	faults_done(&faults);
}

static void size_and_count_end_at_the_limit(void **state)
{
	size_t n = JSON_BYTES_MAX + 1;
	char *text = malloc(n);
	struct faults faults = { 0 };

	(void)state;
	assert_non_null(text);
	memset(text, ' ', n);
	text[0] = text[1] = '"';
	assert_null(parse_n(text, n, "f: larger than 4 MiB; make it smaller\n"));
	json_free(parse_n(text, n - 1, ""));

	memset(text, '0', n);
	text[0] = '[';
	for (size_t i = 2; i < n; i += 2)
		text[i] = ',';
	assert_null(json_parse(text, n - 1, 0, "f", &faults));
	assert_int_equal(faults.n, 1);
	assert_string_equal(faults.v[0].text, "more than 200000 values in one file");
	faults_done(&faults);
	free(text);
}

static void spans_cover_value_and_key_exactly(void **state)
{
	const char *text = "{ \"k\\u0065y\" : [ 10, \"\xc3\xa9\", {\"x\": null} ] }";
	struct json_doc *doc = parse(text, "");
	const struct json_node *list = json_get(doc->root, "key"), *last = list->last;

	(void)state;
	assert_int_equal(doc->root->at.start, 0);
	assert_int_equal(doc->root->at.end, strlen(text));
	assert_memory_equal(text + list->key_at.start, "\"k\\u0065y\"", 10);
	assert_int_equal(list->key_at.end - list->key_at.start, 10);
	assert_int_equal(text[list->at.start], '[');
	assert_int_equal(text[list->at.end - 1], ']');
	assert_memory_equal(text + last->at.start, "{\"x\": null}", 11);
	assert_int_equal(last->at.end - last->at.start, 11);
	assert_int_equal(last->at.column, 27); /* characters, not bytes */
	json_free(doc);
}

static void lookups_find_members_and_only_those(void **state)
{
	struct json_doc *doc = parse("{\"a\": {\"b\": \"x\"}, \"l\": [1, true]}", "");
	const struct json_node *list = json_get(doc->root, "l");

	(void)state;
	assert_string_equal(json_string(json_get(json_get(doc->root, "a"), "b")), "x");
	assert_null(json_get(doc->root, "b"));
	assert_null(json_get(list, "a"));
	assert_null(json_get(NULL, "a"));
	assert_null(json_string(list));
	assert_int_equal(list->n, 2);
	assert_true(list->last->boolean);
	assert_int_equal(list->last->index, 1);
	json_free(doc);
}

static void of_repeated_keys_the_first_stays(void **state)
{
	struct faults faults = { 0 };
	const char *text = "{\"b\":1,\"a\":2,\"b\":3,\"c\":4,\"a\":5}";
	struct json_doc *doc = json_parse(text, strlen(text), 0, "f", &faults);
	long long v;

	(void)state;
	assert_int_equal(faults.n_errors, 2);
	assert_int_equal(doc->root->n, 3);
	assert_true(json_integer(json_get(doc->root, "b"), 0, 9, &v) && v == 1);
	assert_true(json_integer(json_get(doc->root, "a"), 0, 9, &v) && v == 2);
	assert_string_equal(doc->root->last->key, "c");
	assert_int_equal(doc->root->last->index, 2);
	json_free(doc);
	faults_done(&faults);
}

static void many_duplicates_do_not_take_quadratic_time(void **state)
{
	struct buf text = BUF_INIT(JSON_BYTES_MAX);
	struct faults faults = { 0 };

	(void)state;
	buf_adds(&text, "{\"k\":0");
	for (int i = 0; i < 150000; i++)
		buf_addf(&text, ",\"k%d\":0", i % 100000);
	buf_adds(&text, "}");
	json_free(json_parse(text.data, text.len, 0, "f", &faults));
	assert_int_equal(faults.n_errors, 50000);
	assert_int_equal(faults.n, FAULTS_MAX);
	assert_true(faults_dropped_any(&faults, 0));
	assert_false(faults_dropped_any(&faults, 1));
	faults_done(&faults);
	buf_done(&text);
}

static void whole_numbers_are_told_from_others(void **state)
{
	struct json_doc *doc = parse("[3, 3.0, 3e0, 3.5, \"3\", -1, 9007199254740993e5, 11]", "");
	static const bool is_whole[] = { true, true, true, false, false, false, false, false };
	size_t i = 0;
	long long v = 77;

	(void)state;
	for (const struct json_node *n = doc->root->first; n; n = n->next, i++) {
		assert_int_equal(json_integer(n, 0, 10, &v), is_whole[i]);
		assert_int_equal(v, is_whole[i] ? 3 : v);
	}
	assert_false(json_integer(NULL, 0, 10, &v));
	json_free(doc);
}

static void escaping_round_trips_and_disarms_terminals(void **state)
{
	struct buf b = BUF_INIT(1000);
	struct json_doc *doc;
	const char *hostile = "q\"b\\n\nt\te\x1b[31m\xc2\x9b\xe2\x80\xae\xf3\xa0\x80\xa0\xc3\xa9";

	(void)state;
	json_escape(&b, hostile);
	assert_string_equal(buf_str(&b),
	                    "\"q\\\"b\\\\n\\nt\\te\\u001b[31m\\u009b\\u202e\\udb40\\udc20"
	                    "\xc3\xa9\"");
	doc = parse(buf_str(&b), "");
	assert_string_equal(doc->root->string, hostile);
	json_free(doc);
	buf_reset(&b);
	json_escape(&b, NULL);
	assert_string_equal(buf_str(&b), "null");
	buf_done(&b);
}

static void faults_are_kept_in_the_order_of_the_files(void **state)
{
	struct faults f = { 0 };
	struct buf b = BUF_INIT(1000);

	(void)state;
	faults_add(&f, (struct fault_at){ .file = 1, .path = "two", .line = 1, .column = 1 }, "c");
	faults_add(&f, (struct fault_at){ .path = "one", .offset = 9, .line = 2, .column = 1 },
	           "b");
	faults_warn(
		&f,
		(struct fault_at){
			.path = "one", .offset = 3, .line = 1, .column = 4, .pointer = "/x\x1b" },
		"a%d", 1);
	faults_add(&f, (struct fault_at){ .path = "one", .offset = 9, .line = 2, .column = 1 },
	           "b2");
	faults_text(&f, &b);
	assert_string_equal(buf_str(&b), "one:1:4: /x\\x1b: warning: a1\none:2:1: b\none:2:1: b2\n"
	                                 "two:1:1: c\n");
	assert_int_equal(f.n_errors, 3);
	buf_reset(&b);
	faults_json(&f, &b);
	assert_non_null(strstr(
		buf_str(&b), "[{\"file\":\"one\",\"line\":1,\"column\":4,\"pointer\":\"/x\\\\x1b\","
			     "\"level\":\"warning\",\"text\":\"a1\"},"));
	buf_done(&b);
	faults_done(&f);
}

static void long_fault_texts_are_cut_at_a_character(void **state)
{
	struct faults f = { 0 };
	char text[FAULT_TEXT_MAX + 10];

	(void)state;
	memset(text, 'a', sizeof text);
	memcpy(text + FAULT_TEXT_MAX - 4, "\xc3\xa9", 2);
	text[sizeof text - 1] = '\0';
	faults_add(&f, (struct fault_at){ .path = "f" }, "%s", text);
	assert_int_equal(strlen(f.v[0].text), FAULT_TEXT_MAX - 1);
	assert_string_equal(f.v[0].text + FAULT_TEXT_MAX - 5, "a...");
	faults_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whatever_the_rfc_allows_is_read),
		cmocka_unit_test(the_first_syntax_fault_is_exact_and_says_what_to_do),
		cmocka_unit_test(numbers_follow_the_grammar),
		cmocka_unit_test(every_fault_that_can_be_read_past_is_reported),
		cmocka_unit_test(a_syntax_fault_does_not_hide_the_faults_before_it),
		cmocka_unit_test(bad_utf8_is_refused),
		cmocka_unit_test(nul_bytes_are_refused_wherever_they_stand),
		cmocka_unit_test(depth_ends_at_the_limit),
		cmocka_unit_test(size_and_count_end_at_the_limit),
		cmocka_unit_test(spans_cover_value_and_key_exactly),
		cmocka_unit_test(lookups_find_members_and_only_those),
		cmocka_unit_test(of_repeated_keys_the_first_stays),
		cmocka_unit_test(many_duplicates_do_not_take_quadratic_time),
		cmocka_unit_test(whole_numbers_are_told_from_others),
		cmocka_unit_test(escaping_round_trips_and_disarms_terminals),
		cmocka_unit_test(faults_are_kept_in_the_order_of_the_files),
		cmocka_unit_test(long_fault_texts_are_cut_at_a_character),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
