#!/bin/bash
# The program under valgrind: a launch, a look at it, and its end, without an error or a leak.
. "$(dirname "$0")/lib.sh"
bottle=$tree/build/claude-bottle	# never the one with sanitizers
command -v valgrind >/dev/null || die "valgrind is needed: run scripts/setup"
wrapper="valgrind --quiet --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite,indirect,possible
	--track-fds=no --log-file=$work/valgrind.%p"
patience=400

one=$tag-one
mkdir -p "$work/project" "$HOME/.claude/skills/tidy"
git -C "$work/project" init -q && echo x >"$work/project/x"
echo y >"$HOME/.claude/skills/tidy/SKILL.md"
cat >"$manifest" <<END
{
  "bottles": { "plain": { "env": { "A": "b", "C": "\${HOST_C}" }, "egress": { "allowlist": ["*.allowed.test"] } } },
  "agents": {
    "$one": { "bottle": "plain", "command": ["sleep", "1000"], "prompt": "hello", "skills": ["tidy"],
      "workspace": { "copy": "$work/project" } },
    "broken": { "botle": "plain" }
  }
}
END
export HOST_C=value
clean() { # name expected-code: the last run
	# "--PID--" lines are valgrind's own worries: it does not know openat2, and refuses it
	cat "$work"/valgrind.* 2>/dev/null | grep '^==' >"$work/said"
	[ "$rc" -eq "$2" ] && [ ! -s "$work/said" ]
	ok $? "$1" "exit $rc instead of $2; $(head -n 4 "$work/said" | tr '\n' '|')"
	[ ! -s "$work/said" ] || head -n 40 "$work/said" | sed 's/^/# /'
	rm -f "$work"/valgrind.*
}
cb check; clean "check of a manifest with a fault" 2
cb start "$one" --dry-run --json; clean "start --dry-run" 0
cb start "$one" --yes; clean "start" 0
cb start "$one" --yes; clean "start of what is there" 1
cb list; clean "list" 0
cb list --json; clean "list --json" 0
cb events --all; clean "events" 0
cb verify "$one"; clean "verify" 0
cb relaunch "$one" --yes; clean "relaunch" 0
fault_start --fail-match POST 'pipelock/start' --mode error500
cb start "$one" --label x --yes; clean "a launch that fails and is undone" 1
proxy_stop
cb cleanup --yes; clean "cleanup" 0
cb images list; clean "images list" 0
cb stop "$one"; clean "stop" 0
none_left "nothing is left"
finish
