/* The terminal's input under arbitrary bytes, cut and timed out at arbitrary
 * places: a 0xfe byte is a pause. Whatever comes out must be in range, and every
 * key that has a name must be found again by it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ui/input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t sink;

static void check_key(const struct vtkey *key)
{
	struct vtkey again;
	char name[32], name2[32];

	if (key->code >= VTKEY_END_OF_LIST || key->mods > 15)
		abort();
	input_key_name(key, name);
	if (strlen(name) == 0 || input_parse_key(&again, name) < 0)
		return; /* a character without a name */
	input_key_name(&again, name2);
	if (again.code != key->code || strcmp(name, name2) != 0)
		abort();
}

static void on_event(void *arg, const struct input_event *ev)
{
	(void)arg;
	if (ev->kind == INPUT_KEY) {
		check_key(&ev->key);
		if (ev->key.text && (ev->key.text != ev->key_text || !*ev->key.text))
			abort();
	} else if (ev->kind == INPUT_MOUSE) {
		if (ev->y < 0 || ev->x < 0 || ev->mods > 15 || ev->button > VTKEY_WHEEL_RIGHT)
			abort();
	} else if (ev->kind == INPUT_PASTE) {
		if (ev->paste_len > INPUT_PASTE_MAX)
			abort();
		for (size_t i = 0; i < ev->paste_len; i++)
			sink += (unsigned char)ev->paste[i];
	}
}

static void on_answer(void *arg, const struct input_answer *a)
{
	(void)arg;
	if (a->n > INPUT_ANSWER_VALUES)
		abort();
	for (const char *s = a->text; *s; s++)
		if (*s < ' ' || *s > '~')
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input *in = input_new(on_event, NULL);
	size_t at = 0, n;
	uint64_t now = 0;

	input_on_answer(in, on_answer, NULL);
	while (at < size) {
		for (n = 0; at + n < size && data[at + n] != 0xfe; n++)
			;
		input_feed(in, (const char *)data + at, n);
		if (input_wait_ms(in, now) > 0 && input_wait_ms(in, now += 2000) != 0)
			abort();
		if (at + n < size)
			input_timeout(in);
		at += n + 1;
	}
	input_free(in);
	return 0;
}
