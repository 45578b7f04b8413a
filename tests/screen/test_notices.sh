#!/bin/bash
# What the program tells the person's terminal when something waits: the bytes themselves.
set -u
cd "$(dirname "$0")/../.." || exit 1
bin=${CLAUDE_BOTTLE:-build/claude-bottle}
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
n=0 bad=0
ok() { # result name
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		bad=1
		printf '%s\n' "${told[@]}" | cat -v | sed 's/^/# /'
	fi
}

event() { # ms host
	printf '{"t":%d,"event":{"ts":"2026-11-24T12:00:%02d.%03d000000Z","session":"one","source":"pipelock","kind":"egress.blocked","verdict":"block","rule":"allowlist","host":"%s","summary":"domain not in allowlist: %s"}}\n' \
		"$1" $(($1 / 1000)) $(($1 % 1000)) "$2" "$2"
}
session() {
	printf '{"t":0,"session":{"session":"%s","agent":"%s","bottle":"b","state":"running","created":1795518000}}\n' "$1" "$1"
}
{
	echo '{"v":1,"kind":"claude-bottle-recording","start":"2026-11-24T12:00:00Z","engine":"test"}'
	session one
	session two
	printf '{"t":0,"event":{"ts":"2026-11-24T11:00:00Z","session":"one","source":"pipelock","kind":"egress.blocked","verdict":"block","rule":"allowlist","host":"old.test","summary":"no"}}\n'
	event 1200 new.test
	printf '{"t":1400,"terminal":"two","data":"\\u001b]9;May I \\u009b31m go?\\u0007"}\n'
	printf '{"t":1500,"terminal":"one","data":"\\u001b]9;I am looked at\\u0007"}\n'
	for i in 1 2 3 4 5; do event $((1600 + i)) "many$i.test"; done
	event 7500 last.test
	printf '{"t":7600,"terminal":"one","data":"THEEND"}\n'
} >"$dir/notices.jsonl"
printf q >"$dir/q"

# Play it with this config.json; what came as OSC 9 or 777 is in told.
play() { # config
	mkdir -p "$dir/config/claude-bottle"
	printf '%s' "$1" >"$dir/config/claude-bottle/config.json"
	env -i PATH="$PATH" HOME="$dir" XDG_CONFIG_HOME="$dir/config" TERM=xterm-256color LANG=C.UTF-8 \
		timeout 60 /usr/bin/python3 tests/engine/onpty.py "$dir/log" "THEEND" "$dir/q" -- \
		"$bin" replay "$dir/notices.jsonl" >/dev/null
	rc=$?
	mapfile -t told < <(LC_ALL=C grep -aoP '\x1b\](9|777);[^\x1b\x07]*' "$dir/log" | sed 's/^.//')
	bells=$(LC_ALL=C tr -cd '\a' <"$dir/log" | wc -c)
}

play '{}'
[ $rc -eq 0 ]; ok $? "it ends well"
[ "${told[0]-}" = "]9;one was refused new.test: domain not in allowlist: new.test" ]; ok $? "a block is told, with its session"
case ${told[1]-} in ']9;two waits; it says "May I '*'go?"') true ;; *) false ;; esac
ok $? "what an agent says is called its claim, and made safe"
! printf '%s\n' "${told[@]}" | grep -q "looked at"; ok $? "what the person looks at is not told"
! printf '%s\n' "${told[@]}" | grep -q "old.test"; ok $? "nor what was there before"
[ "$(printf '%s\n' "${told[@]}" | grep -c 'refused many')" -le 1 ]; ok $? "a flood is not told one by one"
printf '%s\n' "${told[@]}" | grep -qE '^\]9; ?[0-9]+ more waits? for you$'; ok $? "but counted"
play '{ "notices": "osc777" }'
[ "${told[0]-}" = "]777;notify;claude-bottle;one was refused new.test: domain not in allowlist: new.test" ]; ok $? "osc777"
play '{ "notices": "bell" }'
[ "${#told[@]}" -eq 0 ] && [ "$bells" -ge 2 ]; ok $? "bell"
play '{ "notices": "off" }'
[ "${#told[@]}" -eq 0 ] && [ "$bells" -eq 0 ]; ok $? "off"
play '{ "notices": "loud" }'
[ $rc -eq 2 ] && grep -q "config.json:1:14" "$dir/log"; ok $? "a wrong setting is said with its place"
echo "1..$n"
exit $bad
