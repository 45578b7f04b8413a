#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/buf.h"
#include "core/err.h"
#include "docker/progress.h"

/* Recorded from Docker Engine 20.10.24: a build of five steps whose last one fails... */
static const char fails[] =
	"{\"stream\":\"Step 1/5 : FROM claude-bottle/base:trial\"}\n"
	"{\"stream\":\"\\n\"}\n"
	"{\"stream\":\" ---\\u003e 0042f7a9ca6a\\n\"}\n"
	"{\"stream\":\"Step 2/5 : ARG X=1\"}\n"
	"{\"stream\":\"\\n\"}\n"
	"{\"stream\":\" ---\\u003e Running in 7e4e34b90472\\n\"}\n"
	"{\"stream\":\"Removing intermediate container 7e4e34b90472\\n\"}\n"
	"{\"stream\":\" ---\\u003e 64d2d72af14a\\n\"}\n"
	"{\"stream\":\"Step 3/5 : RUN echo one; echo two \\u003e\\u00262; date +%N\"}\n"
	"{\"stream\":\"\\n\"}\n"
	"{\"stream\":\" ---\\u003e Running in c166505fa329\\n\"}\n"
	"{\"stream\":\"one\\n\"}\n"
	"{\"stream\":\"\\u001b[91mtwo\\n\\u001b[0m\"}\n"
	"{\"stream\":\"210315988\\n\"}\n"
	"{\"stream\":\"Removing intermediate container c166505fa329\\n\"}\n"
	"{\"stream\":\" ---\\u003e d318ae929eb2\\n\"}\n"
	"{\"stream\":\"Step 4/5 : COPY f /f\"}\n"
	"{\"stream\":\"\\n\"}\n"
	"{\"stream\":\" ---\\u003e 57903e21b681\\n\"}\n"
	"{\"stream\":\"Step 5/5 : RUN echo fails \\u003e\\u00262; printf \\\"half\\\"; exit"
	" 3\"}\n"
	"{\"stream\":\"\\n\"}\n"
	"{\"stream\":\" ---\\u003e Running in e92a32ff78a8\\n\"}\n"
	"{\"stream\":\"half\"}\n"
	"{\"stream\":\"\\u001b[91mfails\\n\\u001b[0m\"}\n"
	"{\"stream\":\"Removing intermediate container e92a32ff78a8\\n\"}\n"
	"{\"errorDetail\":{\"code\":3,\"message\":\"The command '/bin/sh -c echo fails \\u0"
	"03e\\u00262; printf \\\"half\\\"; exit 3' returned a non-zero code: 3\"},\"error"
	"\":\"The command '/bin/sh -c echo fails \\u003e\\u00262; printf \\\"half\\\"; exit"
	" 3' returned a non-zero code: 3\"}\n";

/* ...and the same again, most of it from the cache. */
static const char fails_again[] =
	"{\"stream\":\"Step 1/5 : FROM claude-bottle/base:trial\"}\n"
	"{\"stream\":\"\\n\"}\n"
	"{\"stream\":\" ---\\u003e 0042f7a9ca6a\\n\"}\n"
	"{\"stream\":\"Step 2/5 : ARG X=1\"}\n"
	"{\"stream\":\"\\n\"}\n"
	"{\"stream\":\" ---\\u003e Using cache\\n\"}\n"
	"{\"stream\":\" ---\\u003e 64d2d72af14a\\n\"}\n"
	"{\"stream\":\"Step 3/5 : RUN echo one; echo two \\u003e\\u00262; date +%N\"}\n"
	"{\"stream\":\"\\n\"}\n"
	"{\"stream\":\" ---\\u003e Using cache\\n\"}\n"
	"{\"stream\":\" ---\\u003e d318ae929eb2\\n\"}\n"
	"{\"stream\":\"Step 4/5 : COPY f /f\"}\n"
	"{\"stream\":\"\\n\"}\n"
	"{\"stream\":\" ---\\u003e Using cache\\n\"}\n"
	"{\"stream\":\" ---\\u003e 57903e21b681\\n\"}\n"
	"{\"stream\":\"Step 5/5 : RUN echo fails \\u003e\\u00262; printf \\\"half\\\"; exit"
	" 3\"}\n"
	"{\"stream\":\"\\n\"}\n"
	"{\"stream\":\" ---\\u003e Running in c53767cc524b\\n\"}\n"
	"{\"stream\":\"\\u001b[91mfails\\n\\u001b[0m\"}\n"
	"{\"stream\":\"half\"}\n"
	"{\"stream\":\"Removing intermediate container c53767cc524b\\n\"}\n"
	"{\"errorDetail\":{\"code\":3,\"message\":\"The command '/bin/sh -c echo fails \\u0"
	"03e\\u00262; printf \\\"half\\\"; exit 3' returned a non-zero code: 3\"},\"error"
	"\":\"The command '/bin/sh -c echo fails \\u003e\\u00262; printf \\\"half\\\"; exit"
	" 3' returned a non-zero code: 3\"}\n";

static const char works[] =
	"{\"stream\":\"Step 1/2 : FROM claude-bottle/base:trial\"}\n"
	"{\"stream\":\"\\n\"}\n"
	"{\"stream\":\" ---\\u003e 0042f7a9ca6a\\n\"}\n"
	"{\"stream\":\"Step 2/2 : LABEL x=y\"}\n"
	"{\"stream\":\"\\n\"}\n"
	"{\"stream\":\" ---\\u003e Running in f70fc951e4dc\\n\"}\n"
	"{\"stream\":\"Removing intermediate container f70fc951e4dc\\n\"}\n"
	"{\"stream\":\" ---\\u003e 906a270a71e2\\n\"}\n"
	"{\"aux\":{\"ID\":\"sha256:906a270a71e2694e4ec76aa803e186af0cb179d5444140\"}}\n"
	"{\"stream\":\"Successfully built 906a270a71e2\\n\"}\n"
	"{\"stream\":\"Successfully tagged cbt-images-small:latest\\n\"}\n";

static void note(void *arg, enum progress_kind kind, const char *text)
{
	static const char marks[] = "#>=";

	buf_addf(arg, "%c%s\n", marks[kind], text);
}

/* Feed a stream in pieces of step bytes; what was reported goes to seen. */
static int run(struct buf *seen, const char *stream, size_t step, struct err *err)
{
	struct progress p;
	size_t len = strlen(stream);
	int rc;

	progress_init(&p, note, seen);
	for (size_t at = 0; at < len; at += step)
		progress_feed(&p, stream + at, len - at < step ? len - at : step);
	rc = progress_finish(&p, err);
	buf_addf(seen, "id %s\n", p.image_id);
	progress_done(&p);
	return rc;
}

static void steps_and_output_are_reported_as_they_come(void **state)
{
	static const size_t steps[] = { 1, 13, 100000 };

	(void)state;
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		struct buf seen = BUF_INIT(100000);
		struct err err = { 0 };

		assert_int_equal(run(&seen, fails, steps[i], &err), -1);
		assert_string_equal(buf_str(&seen),
				    "#step 3/5: RUN echo one; echo two >&2; date +%N\n"
				    ">one\n>two\n>210315988\n"
				    "#step 4/5: COPY f /f\n"
				    "#step 5/5: RUN echo fails >&2; printf \"half\"; exit 3\n"
				    ">halffails\n"
				    "id \n");
		assert_string_equal(err.msg,
				    "step 5/5: RUN echo fails >&2; printf \"half\"; exit 3: "
				    "ended with code 3; its last words: halffails");
		assert_int_equal(err.kind, ERR_FAILED);
		buf_done(&seen);
	}
}

static void steps_from_the_cache_are_quiet(void **state)
{
	struct buf seen = BUF_INIT(100000);

	(void)state;
	assert_int_equal(run(&seen, fails_again, 1000, NULL), -1);
	assert_string_equal(buf_str(&seen),
			    "#step 5/5: RUN echo fails >&2; printf \"half\"; exit 3\n"
			    ">fails\n>half\nid \n");
	buf_done(&seen);
}

static void image_that_came_out_is_known(void **state)
{
	struct buf seen = BUF_INIT(100000);

	(void)state;
	assert_int_equal(run(&seen, works, 1000, NULL), 0);
	assert_string_equal(buf_str(&seen),
			    "id sha256:906a270a71e2694e4ec76aa803e186af0cb179d5444140\n");
	buf_done(&seen);
}

static void long_step_is_called_by_its_title(void **state)
{
	struct buf seen = BUF_INIT(100000);
	struct err err = { 0 };

	(void)state;
	assert_int_equal(run(&seen,
			     "{\"stream\":\"Step 1/3 : RUN : install it; set -eu;     a\"}\n"
			     "{\"stream\":\"\\n\"}\n"
			     "{\"stream\":\" ---\\u003e Running in 1\\n\"}\n"
			     "{\"stream\":\"Step 2/3 : RUN a;     b\\n\"}\n"
			     "{\"stream\":\" ---\\u003e Running in 2\\n\"}\n"
			     "{\"stream\":\"Step 3/3 : LABEL a=b\\n\"}\n"
			     "{\"stream\":\" ---\\u003e Running in 3\\n\"}\n"
			     "{\"error\":\"The command '/bin/sh -c x' returned a "
			     "non-zero code: 7\"}\n",
			     1000, &err), -1);
	assert_string_equal(buf_str(&seen), "#step 1/3: install it\n#step 2/3: RUN a; b\nid \n");
	assert_string_equal(err.msg, "step 3/3: LABEL a=b: ended with code 7");
	buf_done(&seen);
}

static void pull_shows_layers_and_an_import_its_id(void **state)
{
	struct buf seen = BUF_INIT(100000);

	(void)state;
	assert_int_equal(run(&seen,
			     "{\"status\":\"Pulling from library/debian\",\"id\":\"trixie\"}\n"
			     "{\"status\":\"Downloading\",\"id\":\"a1b2\",\"progressDetail\":"
			     "{\"current\":1500000,\"total\":30000000}}\r\n"
			     "{\"status\":\"sha256:812a\"}", 7, NULL), 0);
	assert_string_equal(buf_str(&seen), "=trixie Pulling from library/debian\n"
					    "=a1b2 Downloading 1.5 of 30.0 MB\n"
					    "=sha256:812a\nid sha256:812a\n");
	buf_done(&seen);
}

static void engines_own_words_are_the_error(void **state)
{
	struct buf seen = BUF_INIT(100000);
	struct err err = { 0 };

	(void)state;
	assert_int_equal(run(&seen, "{\"errorDetail\":{\"message\":\"no space\\nleft\"},"
				    "\"error\":\"old words\"}\n", 7, &err), -1);
	assert_string_equal(err.msg, "no space left");
	assert_int_equal(run(&seen, "{\"error\":\"old words\"}\n", 7, &err), -1);
	assert_string_equal(err.msg, "old words");
	buf_done(&seen);
}

static void hostile_output_is_made_harmless_and_short(void **state)
{
	struct buf seen = BUF_INIT(100000), stream = BUF_INIT(100000);

	(void)state;
	buf_adds(&stream, "{\"stream\":\"a"
			  "\\u001b]0;title\\u0007\\u001b[2Jb\\u202ec\\n\"}\n");
	buf_adds(&stream, "not json\n"
			  "{\"stream\":5}\n[]\n{\"status\":{}}\n{\"aux\":1}\n");
	buf_adds(&stream, "{\"stream\":\"");
	for (int i = 0; i < 20000; i++)
		buf_addc(&stream, 'x');
	buf_adds(&stream, "\\n\"}\n");
	assert_int_equal(run(&seen, buf_str(&stream), 4096, NULL), 0);
	assert_null(strpbrk(buf_str(&seen), "\033\007"));
	assert_non_null(strstr(buf_str(&seen), "a\\x1b]0;title\\x07b\\u202ec\n"));
	assert_true(seen.len < 400);
	buf_done(&seen);
	buf_done(&stream);
}

static void only_the_failing_steps_output_is_kept(void **state)
{
	struct progress p;
	struct err err = { 0 };

	(void)state;
	progress_init(&p, NULL, NULL);
	for (int i = 0; i < 2; i++) {
		struct buf b = BUF_INIT(10000);

		buf_addf(&b, "{\"stream\":\"Step %d/2 : RUN x\\n\"}\n", i + 1);
		for (int k = 0; k < PROGRESS_TAIL + 5; k++)
			buf_addf(&b, "{\"stream\":\"line %d of %d\\n\"}\n", k, i + 1);
		progress_feed(&p, b.data, b.len);
		buf_done(&b);
	}
	assert_true(progress_tail_has(&p, "line 12 of 2"));
	assert_true(progress_tail_has(&p, "line 5 of 2"));
	assert_false(progress_tail_has(&p, "line 4 of 2"));
	assert_false(progress_tail_has(&p, "of 1"));
	progress_feed(&p, "{\"error\":\"e\"}\n", 14);
	assert_int_equal(progress_finish(&p, &err), -1);
	assert_non_null(strstr(err.msg, "e; its last words: line 5 of 2 | line 6 of 2"));
	progress_done(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(steps_and_output_are_reported_as_they_come),
		cmocka_unit_test(steps_from_the_cache_are_quiet),
		cmocka_unit_test(image_that_came_out_is_known),
		cmocka_unit_test(long_step_is_called_by_its_title),
		cmocka_unit_test(pull_shows_layers_and_an_import_its_id),
		cmocka_unit_test(engines_own_words_are_the_error),
		cmocka_unit_test(hostile_output_is_made_harmless_and_short),
		cmocka_unit_test(only_the_failing_steps_output_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
