#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/mem.h"
#include "docker/images.h"
#include "docker/images_set.h"

/* The images of this source tree, with a few versions of the test's own. */
static struct images *load(const char *versions)
{
	struct images *im = NULL;
	struct err err = { 0 };

	if (images_load(&im, &err) < 0)
		fail_msg("%s", err.msg);
	versions_done(&im->versions);
	assert_int_equal(versions_parse(&im->versions, "v", versions, strlen(versions), NULL), 0);
	return im;
}

static size_t find(const struct images *im, const char *name)
{
	for (size_t i = 0; i < im->n; i++)
		if (strcmp(im->list[i].name, name) == 0)
			return i;
	fail_msg("no image %s", name);
	return 0;
}

static void assert_pull(const char *versions, const char *name, const char *want)
{
	struct images *im = load(versions);
	char *ref = images_pull_ref(im, find(im, name));

	if (want) {
		assert_non_null(ref);
		assert_string_equal(ref, want);
	} else {
		assert_null(ref);
	}
	free(ref);
	images_free(im);
}

static void only_what_is_pinned_is_pulled(void **state)
{
	(void)state;
	assert_pull("DEBIAN_IMAGE=debian:x\nDEBIAN_DIGEST=\n", "debian", "debian:x");
	assert_pull("DEBIAN_IMAGE=debian:x\nDEBIAN_DIGEST=sha256:1\n", "debian",
	            "debian@sha256:1");
	assert_pull("DEBIAN_IMAGE=r.test:5000/debian\nDEBIAN_DIGEST=sha256:1\n", "debian",
	            "r.test:5000/debian@sha256:1");
	assert_pull("DEBIAN_DIGEST=sha256:1\n", "debian", NULL);
	assert_pull("PIPELOCK_IMAGE=r.test/p:1\nPIPELOCK_DIGEST=\n", "pipelock", NULL);
	assert_pull("PIPELOCK_IMAGE=r.test/p:1\nPIPELOCK_DIGEST=sha256:2\n", "pipelock",
	            "r.test/p@sha256:2");
	assert_pull("AGENT_IMAGE=x\n", "agent", NULL);
}

static void image_named_by_the_environment_is_the_reference(void **state)
{
	struct images *im;
	char *ref;

	(void)state;
	setenv("CLAUDE_BOTTLE_PIPELOCK_IMAGE", "mine:7", 1);
	im = load("");
	unsetenv("CLAUDE_BOTTLE_PIPELOCK_IMAGE");
	assert_string_equal(images_ref(im, "pipelock"), "mine:7");
	ref = images_pull_ref(im, find(im, "pipelock"));
	assert_string_equal(ref, "mine:7");
	free(ref);
	images_free(im);
}

static void references_have_twelve_digits_and_unknown_names_none(void **state)
{
	struct images *im = load("");
	const char *ref = images_ref(im, "agent");

	(void)state;
	assert_int_equal(strlen(ref), strlen("claude-bottle/agent:") + 12);
	assert_memory_equal(ref, "claude-bottle/agent:", strlen("claude-bottle/agent:"));
	assert_null(images_ref(im, "nosuch"));
	images_free(im);
}

static void build_asks_for_tags_arguments_and_labels(void **state)
{
	struct images *im;
	struct buf b = BUF_INIT(65536);
	size_t i;

	(void)state;
	setenv("GOPROXY", "http://p.test?a=1&b", 1);
	setenv("HTTPS_PROXY", "http://u:p@proxy.test", 1);
	im = load("PIPELOCK_MODULE=m.test/x\nPIPELOCK_VERSION=v1\nOTHER=no\nPIPELOCK_SUM=\n");
	i = find(im, "pipelock");
	images_build_path(&b, im, i, false);
	unsetenv("GOPROXY");
	unsetenv("HTTPS_PROXY");
	assert_non_null(strstr(buf_str(&b), "/build?version=1&rm=1&forcerm=1&dockerfile="));
	assert_non_null(strstr(buf_str(&b), "%22PIPELOCK_VERSION%22%3A%22v1%22"));
	assert_non_null(strstr(buf_str(&b), "%22GOPROXY%22%3A%22http%3A%2F%2F"
	                                  "p.test%3Fa%3D1%26b%22"));
	assert_non_null(strstr(buf_str(&b), "%22HTTPS_PROXY%22"));
	assert_non_null(strstr(buf_str(&b), im->list[i].recipe.hash));
	assert_non_null(strstr(buf_str(&b), "%22BUILDER%22%3A%22claude-bottle%2Fbuilder%3A"));
	assert_null(strstr(buf_str(&b), "OTHER"));
	/* what is empty leaves the Dockerfile's default */
	assert_null(strstr(buf_str(&b), "PIPELOCK_SUM"));
	assert_null(strstr(buf_str(&b), "nocache"));
	buf_reset(&b);
	images_build_path(&b, im, i, true);
	assert_non_null(strstr(buf_str(&b), "&nocache=1&"));
	buf_done(&b);
	images_free(im);
}

static void go_module_is_named_with_its_version(void **state)
{
	struct images *im = load("PIPELOCK_MODULE=m.test/x\nPIPELOCK_VERSION=v1\n");
	char *module = images_go_module(im, find(im, "pipelock"));

	(void)state;
	assert_string_equal(module, "m.test/x@v1");
	free(module);
	assert_null(images_go_module(im, find(im, "agent")));
	images_free(im);
}

static char dir[] = "/tmp/cbt-images-XXXXXX", images_link[64], sidecar_link[64];

/* The sources of this tree, whose root the tests run in, as an installed program has them. */
static int make_data_dir(void **state)
{
	char *here = realpath(".", NULL), *images, *sidecar;
	int rc;

	(void)state;
	if (!here || !mkdtemp(dir))
		return -1;
	images = xasprintf("%s/assets/images", here);
	sidecar = xasprintf("%s/src/sidecar", here);
	snprintf(images_link, sizeof images_link, "%s/images", dir);
	snprintf(sidecar_link, sizeof sidecar_link, "%s/sidecar", dir);
	rc = symlink(images, images_link) | symlink(sidecar, sidecar_link);
	setenv("CLAUDE_BOTTLE_DATADIR", dir, 1);
	free(images);
	free(sidecar);
	free(here);
	return rc;
}

static int remove_data_dir(void **state)
{
	(void)state;
	unlink(images_link);
	unlink(sidecar_link);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_is_pinned_is_pulled),
		cmocka_unit_test(image_named_by_the_environment_is_the_reference),
		cmocka_unit_test(references_have_twelve_digits_and_unknown_names_none),
		cmocka_unit_test(build_asks_for_tags_arguments_and_labels),
		cmocka_unit_test(go_module_is_named_with_its_version),
	};

	return cmocka_run_group_tests(tests, make_data_dir, remove_data_dir);
}
