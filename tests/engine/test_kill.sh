#!/bin/bash
# kill -9 at any moment of a launch, then cleanup: nothing of ours is left, nothing of
# anybody else's is touched. Ctrl-C undoes a launch by itself.
. "$(dirname "$0")/lib.sh"

one=$tag-one
cat >"$manifest" <<END
{
  "bottles": { "plain": { "env": { "A": "b" } } },
  "agents": { "$one": { "bottle": "plain", "command": ["sleep", "1000"] } }
}
END

# --- what is not ours: another installation's session, and names that look like ours -----
label() { printf -- '--label io.claude-bottle.%s=%s ' install "$1" session "$tag-other" launch 0123456789abcdef role "$2" schema 1; }
other=00112233445566778899aabbccddeeff
t="--label cbt-test=$run"
free_network() { # options and name: in a subnet that nobody has
	local n
	for n in 1 2 3 4 5 6; do
		docker network create --internal --subnet "10.214.$((RANDOM % 250)).$((RANDOM % 16 * 16))/28" "$@" 2>/dev/null && return
	done
	return 1
}
{
	free_network $t $(label $other other) "cb-$tag-other-internal" &&
		docker volume create $t $(label $other keeper) "cb-$tag-other-pipelock" &&
		docker run -d $t $(label $other keeper) --name "cb-$tag-other-keeper" --network none "$sidecar_image" keeper / &&
		docker run -d $t --name "cb-$one-agent2" --network none "$sidecar_image" keeper / &&
		free_network $t "cb-$one-internal2"
} >/dev/null || die "the neighbours cannot be made"
others() {
	docker ps -a --no-trunc --filter "label=cbt-test=$run" --format '{{.ID}} {{.State}}' | sort
	docker network ls --no-trunc -q --filter "label=cbt-test=$run" | sort
	docker volume ls -q --filter "label=cbt-test=$run" | sort
}
others >"$work/others"
is "$(wc -l <"$work/others")" 5 "there are neighbours"

launch() { # in the background; its id in $pid
	: >"$work/launch.err"
	(cd "$work/cwd" && exec "$bottle" start "$one" --yes) >"$work/launch.out" 2>"$work/launch.err" </dev/null &
	pid=$!
}
n_done() { grep -c ': done, ' "$work/launch.err"; }
wait_done() { # steps: until that many are done, or the program ended
	while [ "$(n_done)" -lt "$1" ] && kill -0 "$pid" 2>/dev/null; do
		sleep 0.004
	done
}

# --- kill -9 ----------------------------------------------------------------------------------
launch
wait $pid
steps=$(n_done)
cb stop "$one"
check "a launch has steps" test "$steps" -gt 20
say "$steps steps"
for k in early $(seq 0 $((steps - 1))); do
	launch
	if [ "$k" = early ]; then sleep 0.02; else wait_done "$k"; fi
	kill -9 "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	code=$?
	at=$(n_done)
	if [ $code -ne 137 ]; then
		ok 1 "killed after $k steps" "it ended with $code before"
		clear_ours
		continue
	fi
	before=$(ours | wc -l)
	cb cleanup --yes
	cleaned=$rc
	sleep 0.5	# what an engine does late would show now
	# killed after the result was recorded: the session runs, and is nobody's leftover
	if cb list --json && jq -e '.[0] | .state == "running" and .isolation.verified' "$out" >/dev/null; then
		cb stop "$one"
		at="$at, complete"
	fi
	ours | sort >"$work/left"
	others >"$work/others.now"
	[ $cleaned -eq 0 ] && [ ! -s "$work/left" ] && cmp -s "$work/others" "$work/others.now"
	ok $? "killed after $k steps (seen: $at, $before things): cleanup leaves nothing and touches nobody" \
		"$(diff "$work/others" "$work/others.now")" \
		"cleanup: $cleaned; left: $(tr '\n' ' ' <"$work/left")"
	[ ! -s "$work/left" ] || clear_ours
done

# --- a launch that goes on, by another process --------------------------------------------------
fault_start --fail-match GET 'probe/logs' --mode hang
launch
unset DOCKER_HOST
check "a launch waits for its probe" until_true 20 grep -q ' hung$\|agent from inside: done' "$work/launch.err"
until_true 60 sh -c "docker ps --format '{{.Names}}' | grep -q cb-$one-agent"
cb list --json
json "it is listed as starting" '.[0].state == "starting"'
ours | sort >"$work/mine"
cb cleanup --yes
is $rc 0 "cleanup beside it"
has "$err" "nothing is left over" "finds nothing to clean"
ours | sort | cmp -s - "$work/mine"
ok $? "and leaves it alone"
kill -9 "$pid" 2>/dev/null
wait "$pid" 2>/dev/null
proxy_stop
cb list --json
json "killed, it is failed" '.[0].state == "failed"'
cb cleanup --yes
none_left "and cleaned"

# --- killed while it undoes --------------------------------------------------------------------
launch
wait_done 15
kill -INT "$pid"
sleep 0.1
kill -9 "$pid" 2>/dev/null
wait "$pid" 2>/dev/null
cb cleanup --yes
is $rc 0 "killed while it was undoing"
none_left "cleanup leaves nothing"

# --- Ctrl-C and TERM ------------------------------------------------------------------------------
for signal in INT TERM; do
	for k in 1 8 16 22; do
		launch
		wait_done $k
		kill -$signal "$pid" 2>/dev/null
		wait "$pid"
		code=$?
		ours | sort >"$work/left"
		[ $code -ne 0 ] && [ $code -lt 128 ] && [ ! -s "$work/left" ]
		ok $? "$signal after $k steps undoes it by itself" "exit $code, $(tail -n 1 "$work/launch.err"), left: $(tr '\n' ' ' <"$work/left")"
		[ ! -s "$work/left" ] || clear_ours
	done
done

others | cmp -s - "$work/others"
ok $? "nothing of anybody else was touched in all this"
finish
