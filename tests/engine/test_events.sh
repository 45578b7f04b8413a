#!/bin/bash
# Events outlive what made them: each is stored exactly once, whoever reads the logs and
# however often, also of a session that is stopped, and whatever kills the reader.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/model.sh"	# for its terminals

one=$tag-one
cat >"$manifest" <<END
{
  "bottles": { "plain": { "env": { "GREETING": "good day" } } },
  "agents": {
    "$one": { "bottle": "plain", "command": ["sleep", "1000"] },
    "$tag-ends": { "bottle": "plain", "command": ["sh", "-c", "exit 7"] }
  }
}
END
find_images
db=$XDG_STATE_HOME/claude-bottle/events.db

# Ask for hosts that are refused, "NAME0.test" and on.
ask() { # name how-many
	in_agent "$one" python3 -c '
import sys, http.client
for i in range(int(sys.argv[2])):
    c = http.client.HTTPConnection("pipelock", 8888, timeout=10)
    c.request("GET", "http://%s%d.test/" % (sys.argv[1], i))
    c.getresponse().read()
    c.close()' "$1" "$2"
}
hosts() { jq -r 'select(.kind == "egress.blocked") | .host' "$out" | grep "^$1[0-9]"; }
wanted() { seq -f "$1%g.test" 0 $(($2 - 1)); } # name how-many

# Each of them once, in the order of asking.
each_once() { # name how-many what
	cb events --json --session "$one" --kind egress
	hosts "$1" >"$work/got"
	wanted "$1" "$2" >"$work/wanted"
	check "$3" cmp "$work/got" "$work/wanted"
}

cb start "$one" --yes
is $rc 0 "start"
check "the agent asks for what is refused" ask first 40
each_once first 40 "each is an event, once and in order"
each_once first 40 "once, when they are read again"
is "$(stat -c %a "$db")" 600 "the file is for us alone"
is "$(stat -c %a "$(dirname "$db")")" 700 "and so is its folder"

# --- readers that are killed, and several at once ------------------------------------------
for i in 1 2 3 4 5 6; do
	(cd "$work/cwd" && exec "$bottle" events -f --json) >"$work/follow.$i" 2>&1 </dev/null &
	reader=$!
	started+=("$reader")
	ask "round$i-" 60 &
	asker=$!
	until_true 20 test -s "$work/follow.$i"
	kill -9 "$reader"
	wait "$reader" "$asker" 2>/dev/null
done
for i in 1 2 3 4 5 6; do
	each_once "round$i-" 60 "a reader was killed meanwhile: round $i is there once"
done
# a dashboard too, twice in the middle of ten thousand
ask many 10000 &
asker=$!
for thousands in 1 4; do
	term=k$thousands
	term_open $term 120 40 "$bottle"
	shows $term "[$thousands-9][0-9]{3,}\\+? blocked/h" "a dashboard is in the middle of it"
	kill -9 "$(term_pid $term)"
	shows $term 'exit 137' "and is killed there"
	term_close $term
done
wait "$asker"
is $? 0 "ten thousand were refused meanwhile"
term_open k 120 40 "$bottle"
shows k '[4-9][0-9]{3,}\+? blocked/h' "one that comes after goes on"
term_keys k q
shows k 'exit 0' "and leaves"
term_close k
each_once many 10000 "each of them once, in the order of asking"

(cd "$work/cwd" && exec "$bottle" events -f --json --session "$one") >"$work/live" 2>&1 </dev/null &
reader=$!
started+=("$reader")
ask both 100 &
asker=$!
for i in 1 2 3 4 5; do
	cb events --json --session "$one" --limit 5
done
wait "$asker"
each_once both 100 "two programs that read the same log make no doubles"
live() { [ "$(jq -r 'select(.kind == "egress.blocked") | .host' "$work/live" | grep -c '^both')" -ge 100 ]; }
check "and the one that follows shows them all" until_true 60 live
jq -r 'select(.kind == "egress.blocked") | .host' "$work/live" | grep '^both' | sort >"$work/got"
wanted both 100 | sort >"$work/wanted"
check "each once" cmp "$work/got" "$work/wanted"
in_agent "$one" getent hosts "asked-$tag.test" >/dev/null
seen() { grep -q "asked-$tag.test" "$work/live"; }
check "what happens is shown as it happens" until_true 60 seen

# --- what can be asked ---------------------------------------------------------------------------
cb events --csv --session "$one" --grep "first39"
is "$(wc -l <"$out")" 2 "--csv and --grep: a header and one line"
check "the header names the columns" sh -c "head -n 1 '$out' | grep -q '^id,time,session,'"
cb events --json --kind push
is "$(wc -c <"$out")" 0 "--kind: none of another kind"
cb events --json --kind egress.blocked --limit 3
is "$(hosts both | tr '\n' ' ')" "both97.test both98.test both99.test " "--limit: the newest"
cb events --json --since 1d --until 1h
is "$(wc -c <"$out")" 0 "--until: nothing is that old"
cb events --json --since "$(date -d '1 hour ago' '+%Y-%m-%d %H:%M')" --kind egress.blocked --limit 1
is "$(wc -l <"$out")" 1 "--since takes a date"
cb events --kind nonsense
is $rc 2 "a kind that there is not"
cb events --since tomorrow
is $rc 2 "a time that is none"

# --- stop: nothing is lost with the containers --------------------------------------------------------
check "the agent asks for more" ask last 50
cb stop "$one"
is $rc 0 "stop, with what nobody has read"
none_left "nothing is left in the engine"
each_once last 50 "its last events are stored all the same"
each_once first 40 "and the first"
cb events --json --session "$one" --kind session.state,isolation.result
check "that it was launched, proved and stopped is told too" \
	jq -es 'map(.summary) | any(.[]; . == "runs") and any(.[]; . == "stopped") and any(.[]; test("isolation checks held"))' "$out"
cb events --session "$tag-never"
is $rc 1 "a session that never was"
wait_follow() { ! kill -0 "$reader" 2>/dev/null || kill "$reader"; }
wait_follow

# --- an agent that ends by itself ------------------------------------------------------------------------
cb start "$tag-ends" --yes
ended() { cb list --json && jq -e ".[] | select(.session == \"$tag-ends\") | .state == \"failed\"" "$out"; }
check "an agent ends with 7" until_true 20 ended
cb cleanup --yes
is $rc 0 "cleanup"
cb events --json --session "$tag-ends" --kind agent
check "its end outlives it, and is told once" jq -es 'length == 1 and .[0].summary == "the agent ended with 7"' "$out"

# --- a damaged file ------------------------------------------------------------------------------------------
dd if=/dev/urandom of="$db" bs=4096 count=2 conv=notrunc status=none
rm -f "$db-wal" "$db-shm"
cb events --json
is $rc 0 "a damaged store ends nothing"
has "$err" "events.db.damaged-" "the message says where it is now"
check "it is there" sh -c "ls '$db'.damaged-*"
cb events --json
hasnt "$err" damaged "the new one is sound"
finish
