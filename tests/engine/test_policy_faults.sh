#!/bin/bash
# Changes of a session's policy that go wrong half-way: requests that fail, are cut off,
# or never answered, and a program that is killed. Whatever was refused or left is not
# in force then, nothing is anybody's riddle, and the next change works.
. "$(dirname "$0")/lib.sh"

one=$tag-one
cat >"$manifest" <<END
{
  "bottles": { "plain": { "egress": { "allowlist": ["allowed.test"] } } },
  "agents": { "$one": { "bottle": "plain", "command": ["sleep", "1000"] } }
}
END
cb start "$one" --yes
is $rc 0 "start"

live() { docker cp "cb-$one-pipelock:/etc/pipelock/pipelock.yaml" - | tar xO; }
hash_in_force() { docker logs "cb-$one-pipelock" 2>/dev/null | grep -E '"event":"(startup|config_reload)"' | tail -1 | jq -r .config_hash; }
in_force() { [ "$(hash_in_force)" = "$(live | sha256sum | cut -d' ' -f1)" ]; }
n=0
# After it: no host "bad", no riddle, pipelock and file agree, and a change works.
sound() { # name
	n=$((n + 1))
	cb policy "$one" --json
	json "$1: the host is not allowed" '.foreign == false and ([.changes[].host] | index("bad.example.org") == null)'
	check "$1: pipelock has in force what is written" until_true 20 in_force
	live >"$work/live"
	hasnt "$work/live" bad.example.org "$1: which does not have the host"
	cb allow "$one" "good$n.example.org"
	is $rc 0 "$1: the next change works"
	check "$1: and is in force" in_force
}

failed() { # name
	[ $rc -ne 0 ] && [ $rc -lt 100 ]
	ok $? "$1" "exit code $rc"
}

archive="pipelock/archive.path=/etc/pipelock$"
for mode in error500 drop hang; do
	fault_start --fail-match PUT "$archive" --mode $mode
	cb allow "$one" bad.example.org --for 2h
	failed "writing: $mode: it is said to have failed"
	proxy_stop
	sound "writing: $mode"
done
fault_start --fail-match PUT "$archive" --mode stall
cb allow "$one" bad.example.org
is $rc 0 "writing: stall: pipelock's word is enough"
proxy_stop
cb revoke "$one" bad.example.org
sound "writing: stall"
fault_start --fail-match GET "pipelock/logs" --mode error500
cb allow "$one" bad.example.org
failed "pipelock's log: error500: it is said to have failed"
proxy_stop
sound "pipelock's log: error500"
fault_start --fail-match GET "pipelock/logs" --mode hang
cb allow "$one" bad.example.org
failed "pipelock's log: hang: it is said to have failed"
proxy_stop
sound "pipelock's log: hang"

# Killed while nothing has reached the engine: nothing was done.
fault_start --fail-match PUT "$archive" --mode hang
(cd "$work/cwd" && exec "$bottle" allow "$one" bad.example.org) >/dev/null 2>&1 </dev/null &
victim=$!
started+=("$victim")
sleep 2	# it hangs by then; if it does not yet, nothing was done either
kill -9 "$victim"
wait "$victim" 2>/dev/null
proxy_stop
sound "killed before"

# Killed when the engine has done it: it is in force, and known to be.
fault_start --fail-match GET "pipelock/logs" --mode hang
(cd "$work/cwd" && exec "$bottle" allow "$one" bad.example.org) >/dev/null 2>&1 </dev/null &
victim=$!
started+=("$victim")
until_true 20 grep -q "PUT.*archive" "$work/requests"
kill -9 "$victim"
wait "$victim" 2>/dev/null
proxy_stop
cb policy "$one" --json
json "killed after: it is in force, and known" '.foreign == false and ([.changes[].host] | index("bad.example.org") != null)'
cb revoke "$one" bad.example.org
is $rc 0 "killed after: it can be revoked"
sound "killed after"

# Freezing is never taken back.
fault_start --fail-match PUT "$archive" --mode error500
cb freeze "$one"
is $rc 1 "a freeze that pipelock does not hear of is said to have failed"
has "$err" "stays paused" "with what holds"
proxy_stop
is "$(docker inspect -f '{{.State.Status}}' "cb-$one-agent")" paused "the agent is paused all the same"
cb thaw "$one"
is $rc 0 "thaw"
is "$(docker inspect -f '{{.State.Status}}' "cb-$one-agent")" running "it goes on"
fault_start --fail-match POST "agent/pause" --mode error500
cb freeze "$one"
is $rc 1 "an agent that cannot be paused is said"
proxy_stop

cb stop "$one"
none_left "nothing is left"
finish
