#!/bin/bash
# A launch that fails at any step leaves nothing behind, and says what failed first.
#
# engineproxy.py stands between the program and the engine. A healthy launch tells
# which requests there are; then each of them fails, once by an answer of 500, once
# with the answer lost after the engine did it, and a few by silence.
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

proxy_start
cb start "$one" --yes
is $rc 0 "a launch through the proxy"
proxy_stop
cb stop "$one"
none_left "and its end"
cp "$work/requests" "$work/healthy"
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

strike() { # mode request occurrence
	local before took
	proxy_start --fault "$1" "$2" --at "$3"
	before=$(now_ms)
	cb start "$one" --yes
	took=$(($(now_ms) - before))
	proxy_stop
	ours | sort >"$work/left"
	grep '^claude-bottle: ' "$err" >"$work/message"
	if [ $rc -ne 0 ] && [ $rc -ne 124 ] && [ ! -s "$work/left" ] && grep -qE "$(title "$2")" "$work/message" &&
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
		strike error500 "$request" "$at" "planted fault|it broke off"
		strike cut "$request" "$at" "broke off|closed the connection"
	done
done <"$work/each"
# A connection that ends before the first byte: libcurl is tempted to send again.
for request in "POST /networks/create" "POST /containers/create?name=cb-$one-agent" "POST /containers/cb-$one-keeper/start" \
	"POST /networks/cb-$one-egress/connect" "PUT /containers/cb-$one-agent/archive?path=/&noOverwriteDirNonDir=1" \
	"POST /containers/cb-$one-agent/exec" "POST /exec/*/start" "GET /containers/cb-$one-probe/logs?stdout=1&stderr=1&follow=1" \
	"DELETE /containers/cb-$one-probe?force=1&v=1"; do
	grep -qxF "$request" "$work/healthy" || die "there is no request $request any more"
	strike drop "$request" 1 "broke off|closed the connection"
done
# Silence: these end by our own patience, 20 s for what a check says.
strike hang "GET /containers/cb-$one-probe/logs?stdout=1&stderr=1&follow=1" 1 "in time|broke off"
strike freeze "POST /exec/*/start" 2 "in time"
finish
