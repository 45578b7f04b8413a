/* Which files git would not show: the rules of gitignore(5).
 *
 * Ours, for libgit2's loses files that a rule in a subfolder takes back
 * ("*.log" above, "!keep.log" below): it drops such a rule when the same file
 * does not hold what it negates.
 *
 * Rules come from several files; each knows the one with less weight, in git's
 * order: core.excludesFile, info/exclude, then .gitignore from the top down. The
 * last rule that fits decides. What lies in an ignored folder is ignored, and no
 * rule can take it back: callers do not ask about what lies there.
 *
 * Time is bounded for any rule: at most its length times that of the path.
 */
#ifndef CORE_IGNORE_H
#define CORE_IGNORE_H

#include <stdbool.h>
#include <stddef.h>

struct ignore;

/* Parse the text of one file. base is the folder whose paths it speaks of, ""
 * for the top; outer is borrowed, NULL for none; folds_case as core.ignorecase. Everything
 * is a rule of some kind: nothing fails. */
struct ignore *ignore_parse(const char *text, size_t len, const char *base, bool folds_case,
			    const struct ignore *outer);
void ignore_free(struct ignore *ig);	/* not the outer one; NULL is fine */

/* Is path (from the top, in the innermost base) ignored? NULL has no rules. */
bool ignore_has(const struct ignore *ig, const char *path, bool is_dir);

#endif
