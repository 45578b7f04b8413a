#!/bin/bash
# A real session is recorded, and its recording shows on the dashboard what the session shows.
. "$(dirname "$0")/lib.sh"

command -v tmux >/dev/null || die "tmux is needed: run scripts/setup"
one=$tag-one two=$tag-two
cat >"$manifest" <<END
{
  "bottles": { "plain": {} },
  "agents": {
    "$one": { "bottle": "plain", "command": ["sh", "-c",
      "echo before the recording; until [ -e /tmp/go ]; do sleep 0.2; done; for i in 1 2 3; do printf '\\\\033[3%dmline %d caf\\\\303\\\\251\\\\033[m\\\\n' \$i \$i; sleep 0.2; done; curl -s http://refused-$tag.test/; echo; printf 'raw \\\\377 byte\\\\n'; sleep 0.5; echo the end; exec sleep 1000"] },
    "$two": { "bottle": "plain", "command": ["sh", "-c", "until [ -e /tmp/go ]; do sleep 0.2; done; exit 3"] }
  }
}
END
tmux_() { env -u TMUX tmux -S "$work/tmux" -f /dev/null "$@"; }

# What the dashboard shows with these arguments, once it holds a text; $screen.
dashboard() { # text arguments...
	local text=$1 last=
	shift
	tmux_ new-session -d -x 120 -y 40 -c "$work/cwd" env LANG=C.UTF-8 TERM=tmux-256color "$bottle" "$@"
	until_true 20 sh -c "env -u TMUX tmux -S '$work/tmux' capture-pane -p | grep -qF '$text'"
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		sleep 0.5
		screen=$(tmux_ capture-pane -p)
		[ "$screen" != "$last" ] || break
		last=$screen
	done
	tmux_ kill-server
}

# The terminal pane without its frame, whose title holds an age.
pane() { printf '%s\n' "$screen" | sed -n '3,26p' | cut -c31-; }

cb start "$one" --yes
is $rc 0 "a session to be recorded"
cb start "$two" --yes
is $rc 0 "and one that will end"
record=$work/fleet.jsonl
(cd "$work/cwd" && exec "$bottle" record "$record") >"$work/record.out" 2>"$work/record.err" </dev/null &
recorder=$!
started+=("$recorder")
until_true 20 grep -q '"session":"'"$one"'"' "$record"
in_agent "$one" touch /tmp/go
in_agent "$two" touch /tmp/go
check "what the agent writes is recorded" until_true 20 grep -qF 'the end' "$record"
check "what was refused is recorded" until_true 20 grep -qF "refused-$tag.test" "$record"
check "the end of the other is recorded" until_true 20 grep -q '"session":"'"$two"'".*"state":"failed".*"exit_code":3' "$record"
kill -INT "$recorder"
wait "$recorder"
is $? 0 "Ctrl-C ends the recording well"
is "$(stat -c %a "$record")" 600 "it is for its owner alone"
: >"$out"
cp "$work/record.err" "$err"
has "$err" "a secret too" "it says that terminals are recorded as they are"
has "$err" "2 sessions" "it says what it recorded"
check "each line is JSON" jq -es 'length > 6' "$record"
cb record "$record"
is $rc 2 "a file that is there is not written over"

dashboard "the end" attach "$one"
live=$(printf '%s\n' "$screen" | head -n 20)
has <(printf '%s\n' "$live") "before the recording" "the live terminal is that of the agent"
CLAUDE_BOTTLE_BACKEND=docker dashboard "the end" replay "$record" --speed 0
played=$(pane)
has <(printf '%s\n' "$screen") "recording fleet.jsonl" "a replay says that it is one"
has <(printf '%s\n' "$screen") "refused-$tag.test" "it shows what was refused"
check "it shows the session that failed" grep -qE "✕ $two +.*failed" <(printf '%s\n' "$screen")
for text in "before the recording" "line 3 café" "raw � byte" "the end"; do
	has <(printf '%s\n' "$played") "$text" "its terminal shows \"$text\""
done
# the same lines in the same order, whatever else the panes show
lines() { grep -oE 'before the recording|line [0-9] café|blocked: [a-z ]*|raw . byte|the end' | uniq; }
is "$(lines <<<"$played")" "$(lines <<<"$live")" "the same as the live one"
cb stop --all
none_left "nothing is left"
finish
