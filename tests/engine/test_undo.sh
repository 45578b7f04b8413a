#!/bin/bash
# A launch that fails at any step leaves nothing behind, and says what failed first.
#
# faultproxy stands between the program and the engine. A healthy launch tells which
# requests there are; then each of them fails, once by an answer of 500, once with
# the answer lost after the engine did it, and a few by silence.
. "$(dirname "$0")/lib.sh"

one=$tag-one
mkdir -p "$work/project"
git -C "$work/project" init -q && echo x >"$work/project/x"
cat >"$manifest" <<END
{
  "bottles": { "plain": { "env": { "A": "b" } } },
  "agents": { "$one": { "bottle": "plain", "command": ["sleep", "1000"], "prompt": "hello",
    "workspace": { "copy": "$work/project" } } }
}
END

fault_start
cb start "$one" --yes
is $rc 0 "a launch through the proxy"
proxy_stop
cb stop "$one"
none_left "and its end"
# "N METHOD TARGET STATUS"; ids differ from launch to launch
sed -E 's|^[0-9]+ ||; s| [^ ]+$||; s|/v1\.[0-9]+/|/|; s|[0-9a-f]{64}|*|' "$work/requests" >"$work/healthy"
sort "$work/healthy" | uniq -c | sort -k2 >"$work/each"
say "$(wc -l <"$work/healthy") requests, $(wc -l <"$work/each") kinds"
check "they are the requests of a launch" grep -q "POST /containers/create?name=cb-$one-agent" "$work/healthy"

# What a step is called, for "the first cause".
title() { # request occurrence
	case $1 in
	"POST /networks/create") echo "create .* network" ;;
	"POST /networks/"*"/connect") echo "connect pipelock to egress" ;;
	"POST /containers/create"*) echo "create ${1##*-}" ;;
	"GET "*keeper/archive*) echo "fetch sidecar program" ;;
	"GET "*agent/archive*) echo "fetch the agent image's CA bundle" ;;
	"PUT "*keeper*) echo "record the result" ;;
	"PUT "*) echo "put files into $(step_role "$1")" ;;
	"POST "*"/start?"* | "POST /containers/"*"/start") echo "start $(step_role "$1")" ;;
	"POST "*"/exec" | "POST /exec/"*) echo "check agent from inside|send secrets and release agent|judge isolation" ;;
	"GET "*probe/logs*) echo "probe isolation|judge isolation" ;;
	"GET "*/logs*) echo "wait for $(step_role "$1")" ;;
	"GET "*agent/json) echo "inspect agent" ;;
	"DELETE "*) echo "remove probe" ;;
	*) echo . ;;
	esac
}
step_role() { sed -E "s|.*/cb-$one-([a-z]+).*|\1|" <<<"$1"; }

# A regular expression for exactly that target, whatever its version and ids.
pattern() { printf '^(/v1\\.[0-9]+)?%s$' "$(sed -E 's/[].[?+(){}|^$\\]/\\&/g; s/\*/[0-9a-f]{64}/' <<<"${1#* }")"; }

strike() { # mode request occurrence words
	local before took struck
	fault_start --fail-match "${2%% *}" "$(pattern "$2")" --nth "$3" --mode "$1"
	before=$(now_ms)
	cb start "$one" --yes
	took=$(($(now_ms) - before))
	struck=$(grep -cE " (injected-500|dropped|hung|stalled)$" "$work/requests")
	proxy_stop
	ours | sort >"$work/left"
	grep '^claude-bottle: ' "$err" >"$work/message"
	if [ "$struck" -ne 1 ]; then
		ok 1 "$1 at $2 ($3)" "it struck $struck times"
		clear_ours
	elif [ $rc -ne 0 ] && [ $rc -ne 124 ] && [ ! -s "$work/left" ] && grep -qE "$(title "$2")" "$work/message" &&
		grep -qE "$4" "$work/message"; then
		ok 0 "$1 at $2 ($3): undone ($took ms)"
	elif [ "$1" != error500 ] && [ $rc -eq 0 ] && [ "${2%% *}" = GET ]; then
		# what only asks is asked again
		cb stop "$one"
		none_left "$1 at $2 ($3): asked again ($took ms)"
	else
		ok 1 "$1 at $2 ($3): undone" "exit $rc, $took ms; left: $(tr '\n' ' ' <"$work/left")"
		clear_ours
	fi
}

while read -r count request; do
	for at in $(seq "$count"); do
		strike error500 "$request" "$at" "injected fault|it broke off"
		strike drop "$request" "$at" "broke off|closed the connection"
	done
done <"$work/each"
# Silence: these end by our own patience, 20 s for what a check says.
strike hang "GET /containers/cb-$one-probe/logs?stdout=1&stderr=1&follow=1" 1 "in time|broke off"
strike stall "POST /exec/*/start" 2 "in time"
finish
