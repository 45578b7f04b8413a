#include "core/secrets.h"

#include <stdint.h>
#include <stdlib.h>

#include "core/err.h"
#include "core/manifest.h"
#include "core/mem.h"

void secrets_done(struct secrets *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n; i++)
		mem_wipe_str((char *)(uintptr_t)s->v[i].value);
	free(s->v);
	*s = (struct secrets){ 0 };
}

static int resolve(struct launch_secret *s, const struct env_entry *e, secrets_ask_fn *ask,
                   void *arg, struct err *err)
{
	const char *value;
	char *answer = NULL;

	s->name = e->name;
	s->is_secret = e->mode != ENV_LITERAL;
	switch (e->mode) {
	case ENV_LITERAL:
		s->value = xstrdup(e->literal);
		return 0;
	case ENV_HOST:
		value = getenv(e->variable);
		if (!value)
			return err_set(err, ERR_INPUT,
			               "env %s: the variable %s is not set here; set it and try "
			               "again",
			               e->name, e->variable);
		s->value = xstrdup(value);
		return 0;
	case ENV_PROMPT:
		if (ask(arg, &answer, e->name, *e->prompt ? e->prompt : e->name, err) < 0)
			return err_wrap(err, "env %s", e->name);
		s->value = answer;
		return 0;
	}
	return 0;
}

int secrets_resolve(struct secrets *s, const struct bottle_spec *bottle, secrets_ask_fn *ask,
                    void *arg, struct err *err)
{
	*s = (struct secrets){ .v = xcalloc(bottle->n_env, sizeof *s->v) };
	for (; s->n < bottle->n_env; s->n++) {
		if (resolve(&s->v[s->n], &bottle->env[s->n], ask, arg, err) < 0) {
			secrets_done(s);
			return -1;
		}
	}
	return 0;
}
