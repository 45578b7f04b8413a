/* What is not a pane: the help, the messages, the manifest in an editor, and the screen
 * as a file. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/mem.h"
#include "core/text.h"
#include "ui/app_int.h"

void show_messages(struct app *a)
{
	struct buf b = BUF_INIT(1u << 18);
	enum fleet_level level;
	int64_t ts;

	for (size_t i = 0; fleet_message(a->fleet, i, &level, &ts); i++) {
		time_t seconds = (time_t)(ts / 1000000000);
		char when[16];
		struct tm tm;

		localtime_r(&seconds, &tm);
		strftime(when, sizeof when, "%H:%M:%S", &tm);
		buf_addf(&b, "%s %s", when, level == FLEET_ERROR ? "error: " : "");
		text_safe_str(&b, fleet_message(a->fleet, i, NULL, NULL), 2000);
		buf_addc(&b, '\n');
	}
	if (b.len == 0)
		buf_adds(&b, "nothing was said yet\n");
	dialog_card(a, "Messages", buf_steal(&b));
}

void show_help(struct app *a)
{
	static const char *const titles[UI_MODES] = {
		[UI_MODE_LIST] = "Everywhere",
		[UI_MODE_PREFIX] = "After the prefix, while an agent has the keyboard",
		[UI_MODE_SCROLL] = "In the scrollback",
		[UI_MODE_OVERLAY] = "In the inbox, a card, a diff, the policy",
	};
	struct buf b = BUF_INIT(1u << 16);
	char prefix[32];

	input_key_name(&a->prefix, prefix);
	buf_addf(&b, "The prefix is %s; send it twice for a literal one.\n", prefix);
	for (int mode = 0; mode < UI_MODES; mode++) {
		size_t n;
		const struct keymap_row *rows = keymap_rows((enum ui_mode)mode, &n);

		buf_addf(&b, "\n%s\n", titles[mode]);
		for (size_t i = 0; i < n; i++)
			if (!rows[i].argument)
				buf_addf(&b, "  %-10s %-13s %s\n", rows[i].key,
				         keymap_info(rows[i].command)->name,
				         keymap_info(rows[i].command)->help);
	}
	buf_adds(&b, "\nAs commands, after \":\"\n");
	for (int c = 1; c < UI_COMMANDS; c++)
		buf_addf(&b, "  %-13s %-16s %s\n", keymap_info((enum ui_command)c)->name,
		         keymap_info((enum ui_command)c)->arguments,
		         keymap_info((enum ui_command)c)->help);
	dialog_card(a, "Help", buf_steal(&b));
}

static void run_editor(struct app *a)
{
	const char *editor = getenv("EDITOR");
	pid_t pid;
	int status = 0;

	if (!editor || !*editor)
		editor = "vi";
	pid = fork();
	if (pid == 0) {
		/* by the shell, as it may have arguments: "code --wait" */
		CLEANUP_FREE char *command = xasprintf("exec %s \"$1\"", editor);

		execl("/bin/sh", "sh", "-c", command, "sh", a->opt.manifest_path, (char *)NULL);
		_exit(127);
	}
	if (pid > 0)
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	if (pid < 0 || (WIFEXITED(status) && WEXITSTATUS(status) == 127))
		fleet_say(a->fleet, FLEET_ERROR, "the editor \"%s\" could not be run; set EDITOR",
		          editor);
}

void show_manifest(struct app *a)
{
	if (!a->opt.manifest_path) {
		fleet_say(a->fleet, FLEET_WARN,
		          "there is no manifest yet; \"claude-bottle init\" writes one");
		return;
	}
	app_suspend_for(a, run_editor);
	fleet_reload(a->fleet);
}

void show_to_file(struct app *a, const char *path)
{
	struct buf b = BUF_INIT(1u << 20);
	bool is_written;
	FILE *f;

	app_draw(a);
	grid_dump(a->grid, &b, false);
	f = fopen(path, "we");
	is_written = f && fwrite(buf_str(&b), 1, b.len, f) == b.len;
	if (f)
		is_written = fclose(f) == 0 && is_written;
	if (is_written)
		fleet_say(a->fleet, FLEET_INFO, "the screen is in %s", path);
	else
		fleet_say(a->fleet, FLEET_ERROR, "%s: %s", path, strerror(errno));
	buf_done(&b);
}
