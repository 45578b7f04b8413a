#!/bin/bash
# Nothing that an agent writes is missing or shown twice: to who attaches while it
# writes, to who records, and to who was away for a while (SIGTSTP).
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/model.sh"	# for its terminals

one=$tag-one
cat >"$manifest" <<END
{
  "bottles": { "plain": {} },
  "agents": {
    "$one": { "bottle": "plain", "command": ["bash", "--norc", "-c",
      "n=0; while [ ! -e /tmp/end ]; do n=\$((n+1)); echo line \$n; sleep 0.01; done; echo all \$n; exec sleep 1000"] }
  }
}
END
written() { docker logs --tail 1 "cb-$one-agent" 2>/dev/null | grep -oE '[0-9]+'; }
wrote() { [ "$(written)" -ge "$1" ]; }

# The numbers of the lines on stdin: how many there are, the first and the last, and where
# they do not go on as they should.
numbers() {
	tr -d '\r' | grep -oE '^line [0-9]+$' | awk '
		NR == 1 { first = $2 } NR > 1 && $2 != last + 1 { bad = bad " " last "-" $2 } { last = $2 }
		END { print NR, first, last, bad ? "wrong:" bad : "right" }'
}

cb start "$one" --yes
is $rc 0 "a session that writes all the time"
check "it writes" until_true 60 wrote 100

# --- who records -------------------------------------------------------------------------------
for i in 1 2 3 4 5; do
	record=$work/record$i.jsonl
	at=$(written)
	(cd "$work/cwd" && exec "$bottle" record "$record") >"$work/record.out" 2>"$work/record.err" </dev/null &
	recorder=$!
	started+=("$recorder")
	until_true 60 grep -qE "line $((at + 60))\\b" "$record" || die "nothing is recorded: $(cat "$work/record.err")"
	kill -INT "$recorder"
	wait "$recorder"
	# the last line may not have ended
	got=$(jq -rj 'select(.terminal) | .data // (.base64 | @base64d)' "$record" | sed '$d' | numbers)
	check "recording $i begins with the first line, and each line follows the one before: $got" \
		eval "[[ '$got' =~ ^[0-9]+\ 1\ [0-9]+\ right$ ]]"
done

# --- who attaches, and is away for a while ---------------------------------------------------
# From a shell, which knows jobs.
term_open d 80 24 bash --norc
tmux_ d set-option -s set-clipboard on
shows d '^bash' "a shell"
term_type d "'$bottle' attach $one"
term_keys d Enter
shows d '^line [0-9]+' "attached while it writes"
pid=$(pgrep -P "$(term_pid d)")
is_stopped() { [ "$(cut -d' ' -f3 "/proc/$pid/stat")" = T ]; }
is_now() { [ "$(term_text d | grep -oE '^line [0-9]+' | tail -1 | cut -d' ' -f2)" -ge "$1" ]; }
for i in 1 2 3; do
	kill -TSTP "$pid"
	until_true 60 is_stopped || die "it is not stopped"
	check "stopped, the agent goes on ($i)" until_true 60 wrote $(($(written) + 100))
	at=$(written)
	term_type d fg
	term_keys d Enter
	check "it comes back to what is written now ($i)" until_true 60 is_now "$at"
done
in_agent "$one" touch /tmp/end
shows d '^all [0-9]+' "the agent ends writing"
n=$(term_text d | grep -oE '^all [0-9]+' | cut -d' ' -f2)

# All of the scrollback, copied.
term_keys d 'C-]' '[' g
shows d '^line 1$' "in the scrollback, at its beginning"
term_keys d Space G y
copied() { tmux_ d save-buffer "$work/copied" 2>/dev/null && grep -q '^all' "$work/copied"; }
check "all lines are copied" until_true 60 copied
is "$(numbers <"$work/copied")" "$n 1 $n right" "each line is there once, in its order"
term_close d
cb stop --all
none_left "nothing is left"
finish
