/* inbox: what waits for a person, as the dashboard lists it, and putting it away. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "core/fleet.h"
#include "core/inbox.h"
#include "core/loop.h"
#include "core/manifest.h"
#include "core/stamp.h"
#include "core/store.h"
#include "core/text.h"

#define TEXT_MAX 400

/* --- looking ------------------------------------------------------------------------ */

static struct manifest *load_manifest(void *arg)
{
	return cli_manifest_load(arg);
}

static void on_changed(void *arg, unsigned changes)
{
	(void)arg;
	(void)changes;
}

/* Everything that the sessions and the store have to say, once. NULL: *err. */
static struct fleet *look(struct cli *c, struct err *err)
{
	struct fleet_options opt = { .load_manifest = load_manifest,
		                     .changed = on_changed,
		                     .is_glance = true,
		                     .arg = c };
	struct fleet *f;
	int rc = 0;

	if (cli_backend(c, err) < 0)
		return NULL;
	opt.ops = c->ops;
	opt.backend = c->backend;
	opt.store = cli_store(c);
	f = fleet_new(c->loop, &opt);
	while (rc == 0 && !fleet_is_settled(f))
		rc = loop_turn(c->loop, -1, err);
	/* what was read is in the inbox when it is stored */
	if (rc == 0 && opt.store)
		rc = store_flush(opt.store, err);
	if (rc == 0)
		return f;
	fleet_free(f);
	return NULL;
}

/* Without an engine the store says what it has. */
static int warn_away(const struct fleet *f, struct err *err)
{
	const char *said = fleet_message(f, 0, NULL, NULL);

	if (fleet_engine(f))
		return 0;
	if (inbox_n(fleet_inbox(f)) == 0)
		return err_set(err, ERR_ENGINE, "%s", said ? said : "the engine does not answer");
	cli_say("claude-bottle: %s; this is what was stored before",
	        said ? said : "the engine does not answer");
	return 0;
}

/* --- printing ------------------------------------------------------------------------- */

static void print_line(struct buf *out, const struct inbox_item *it)
{
	char age[16];

	stamp_age_minutes(age, (fleet_clock_ns() - it->first_ns) / NS_PER_S);
	buf_addf(out, "%s  %5s  %-24s %-13s ", it->name, age, *it->session ? it->session : "-",
	         inbox_kind_name(it->kind));
	if (it->is_ended)
		buf_adds(out, "(ended) ");
	if (it->count > 1)
		buf_addf(out, "%ux ", it->count);
	if (it->host && *it->host) {
		/* a name is shown in ASCII: one letter must not pass for another */
		text_safe(out, it->host, strlen(it->host), 255, true);
		buf_addc(out, ' ');
	}
	text_safe_str(out, it->text, TEXT_MAX);
	buf_addc(out, '\n');
}

static void add_time(struct buf *out, const char *key, int64_t ns)
{
	char text[STAMP_SIZE];

	stamp_format(text, ns);
	text_add_member(out, key, text);
}

static void print_json(struct buf *out, const struct inbox_item *it)
{
	buf_addf(out, "{\"id\":\"%s\",\"kind\":\"%s\"", it->name, inbox_kind_name(it->kind));
	text_add_member(out, "session", *it->session ? it->session : NULL);
	text_add_member(out, "host", it->host);
	text_add_member(out, "rule", it->rule);
	text_add_member(out, "text", it->text);
	text_add_member(out, "push", it->push);
	add_time(out, "first", it->first_ns);
	add_time(out, "last", it->last_ns);
	buf_addf(out, ",\"count\":%u,\"ended\":%s}", it->count,
	         it->is_ended ? "true" : "false");
}

static int show(struct cli *c, bool is_json)
{
	struct buf out = BUF_INIT(CLI_OUTPUT_MAX);
	struct err err = { 0 };
	struct fleet *f = look(c, &err);
	const struct inbox *ib = f ? fleet_inbox(f) : NULL;
	int code;

	if (!f || warn_away(f, &err) < 0) {
		fleet_free(f);
		return cli_fail(&err);
	}
	buf_adds(&out, is_json ? "[" : "");
	if (!is_json && inbox_n(ib))
		buf_addf(&out, "%-16s  %5s  %-24s %-13s %s\n", "ID", "AGE", "SESSION", "KIND",
		         "WHAT");
	for (size_t i = 0; i < inbox_n(ib); i++) {
		if (!is_json) {
			print_line(&out, inbox_at(ib, i));
			continue;
		}
		buf_adds(&out, i ? ",\n" : "");
		print_json(&out, inbox_at(ib, i));
	}
	buf_adds(&out, is_json ? "]\n" : "");
	code = cli_print(&out);
	if (code == 0 && inbox_n(ib) == 0 && !is_json)
		cli_say("nothing waits");
	fleet_free(f);
	buf_done(&out);
	return code;
}

/* --- dismissing ------------------------------------------------------------------------- */

static int dismiss_one(struct fleet *f, const char *name, const char *why, struct err *err)
{
	const struct inbox_item *it = inbox_named(fleet_inbox(f), name);

	if (!it)
		return err_set(err, ERR_FAILED,
		               "nothing waits under \"%s\"; see \"claude-bottle inbox\"", name);
	if (it->kind == INBOX_FLOOD)
		return err_set(err, ERR_FAILED,
		               "%s counts what is too much to list: dismiss the others first",
		               name);
	fleet_dismiss_item(f, it->id, why);
	return 0;
}

/* Every one that can be; the first that cannot is the error. */
static int dismiss(struct cli *c, char **names, int n, const char *why)
{
	struct err err = { 0 }, first = { 0 };
	struct fleet *f = look(c, &err);
	struct store *store = cli_store(c);

	if (!f)
		return cli_fail(&err);
	if (!store)
		err_set(&first, ERR_FAILED, "without an event store nothing is remembered");
	for (int i = 0; i < n && store; i++)
		if (dismiss_one(f, names[i], why, &err) < 0 && !first.kind)
			first = err;
	if (store && store_flush(store, &err) < 0 && !first.kind)
		first = err;
	fleet_free(f);
	return first.kind ? cli_fail(&first) : 0;
}

/* --- the verb --------------------------------------------------------------------------- */

static int run_inbox(struct cli *c, int argc, char **argv)
{
	static const struct option options[] = { { "json", no_argument, NULL, 'j' },
		                                 { "why", required_argument, NULL, 'w' },
		                                 { 0 } };
	const char *why = NULL;
	bool is_json = false;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'j')
			is_json = true;
		else if (opt == 'w')
			why = optarg;
		else
			return cli_bad_option(&verb_inbox, argv);
	}
	if (optind == argc && why)
		return cli_usage(&verb_inbox, "--why is about what is dismissed");
	if (optind == argc)
		return show(c, is_json);
	if (strcmp(argv[optind], "dismiss") != 0)
		return cli_usage(&verb_inbox, "\"%s\" is nothing to do with it", argv[optind]);
	if (is_json || optind + 1 == argc)
		return cli_usage(&verb_inbox, "dismiss takes the ids that inbox shows");
	return dismiss(c, argv + optind + 1, argc - optind - 1, why);
}

const struct cli_verb verb_inbox = {
	.name = "inbox",
	.arguments = "[--json] | dismiss ID... [--why TEXT]",
	.summary = "show what waits for you, or put it away",
	.help = "  --json      as JSON on stdout\n"
		"  dismiss     it waits no longer, and the same block of the same launch does\n"
		"              not ask again; dashboards that run forget it, too. Who did it and\n"
		"              when is an event: events --kind inbox\n"
		"  --why TEXT  kept with the dismissal\n"
		"\n"
		"The oldest comes first, as in the dashboard's inbox (w); last what sessions\n"
		"asked that have ended, until they are removed or launched again. To decide\n"
		"instead: allow, push, send, relaunch.\n"
		"\n"
		"Example: claude-bottle inbox dismiss 5f0c1d2e3a4b5c6d\n",
	.run = run_inbox,
};
