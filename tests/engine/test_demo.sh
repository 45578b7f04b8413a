#!/bin/bash
# The demo, as "make demo" runs it: every row as expected, nothing left behind; and its
# table can say otherwise: a wrong answer, an upstream that dies, a person who stops it,
# a program that is killed.
. "$(dirname "$0")/lib.sh"
need_gate
HOME=$real_home timeout 900 "$bottle" images build demo-upstream >"$work/images" 2>&1 </dev/null ||
	{ tail -n 30 "$work/images" >&2; die "the image demo-upstream cannot be made"; }
upstream=$(timeout 60 "$bottle" images list --json | jq -r '.[] | select(.name == "demo-upstream").ref')
standin=$(docker image inspect -f '{{index .Config.Labels "io.claude-bottle.standin"}}' "$CLAUDE_BOTTLE_PIPELOCK_IMAGE")
export TMPDIR=$work/tmp
mkdir -p "$TMPDIR"

# A demo in the background, to be hurt; it must not inherit that a shell's children ignore SIGINT.
begin_demo() {
	(cd "$work/cwd" && exec env --default-signal=INT "$bottle" demo) >"$out" 2>"$err" </dev/null &
	demo=$!
	started+=("$demo")
}
end_demo() {
	wait "$demo"
	rc=$?
	started=()
}
has_member() { ours | grep -q -- "-$1\$"; }
has_row() { grep -q "^  $1 ok" "$out"; }

# --- as it should be -----------------------------------------------------------------------
began=$(now_ms)
(cd "$tree" && CLAUDE_BOTTLE=$bottle timeout -k 5 300 scripts/demo) >"$out" 2>"$err" </dev/null
rc=$?
say "the demo took $(($(now_ms) - began)) ms"
is $rc 0 "the demo succeeds"
is "$(grep -c '^  [1-6] ok  ' "$out")" 6 "six things were tried, each with what was expected"
has "$out" "seen      200 hello from files.demo.test" "an allowed request passes"
has "$out" "seen      403 blocked: domain not in allowlist: unlisted.demo.test" "an unlisted host is refused by name"
has "$out" "seen      403 blocked: request body contains secret: GitHub Token" "a token in a body is refused by its kind"
check "a leaked key is refused by the gate" grep -qE 'seen +exit [1-9][0-9]*, git-gate: .*gitleaks.*; the upstream unchanged' "$out"
check "a clean push arrives" grep -qE 'seen +main at the upstream is [0-9a-f]{12}, as pushed' "$out"
check "a push over https is refused" grep -qE 'seen .*error: 403; nothing arrived' "$out"
for kind in egress.allowed egress.blocked egress.dlp push.rejected push.accepted; do
	check "claude-bottle saw it itself: $kind" grep -qE "event +$kind " "$out"
done
has "$out" "left behind: 0 containers, 0 networks, 0 volumes" "the demo proves that nothing is left"
none_left "nothing is left in the engine"
has "$err" "What to try next:" "it says what to try next"
is "$(ls -A "$TMPDIR")" "" "no key is ever a file"
if [ "$standin" = 1 ]; then
	has "$out" "pipelock: STAND-IN for tests, not the real one: " "the table says that pipelock is a stand-in"
	has "$err" "STAND-IN" "so does the banner"
else
	hasnt "$out" "STAND-IN" "pipelock is the real one"
fi
check "no key and no token is shown" sh -c '! grep -qE "AKIA[A-Z2-7]{16}|ghp_[A-Za-z0-9]{36}" "$0" "$1"' "$out" "$err"

# --- for programs; and the label decides what pipelock is, not the word of the script ---------
CLAUDE_BOTTLE_STANDIN_WHY="because of the test" cb demo --json
is $rc 0 "the demo succeeds with --json"
json "every probe is there with its event" '[.probes[] | select(.ok and .event.kind and .seen)] | length == 6'
json "the push over https was refused by the rule for pushes" '.probes[5].event.rule == "dlp: Git push over HTTPS"'
json "nothing is left" '.left == {"containers": 0, "networks": 0, "volumes": 0} and .ok'
json "every isolation check held" '.isolation.total > 20 and .isolation.passed == .isolation.total'
if [ "$standin" = 1 ]; then
	json "the stand-in is named with the reason" '.pipelock.standin and .pipelock.why == "because of the test"'
else
	json "the word of a script makes no stand-in" '(.pipelock.standin | not) and .pipelock.why == null'
fi
none_left "nothing is left after --json"

# --- when it is not -------------------------------------------------------------------------
# An upstream that answers wrongly: that row fails, the others do not, exit 1.
docker build -q -t "cbt-demo-$tag" --label "cbt-test=$run" - >"$work/images" 2>&1 <<-END
	FROM $upstream
	USER root
	RUN sed -i 's/hello from /goodbye from /' /usr/local/lib/demo-upstream/serve.py
	USER git
END
ok $? "an upstream with a fault can be made"
CLAUDE_BOTTLE_DEMO_UPSTREAM_IMAGE=cbt-demo-$tag cb demo
is $rc 1 "a wrong answer is exit 1"
check "its row says so" grep -q '^  1 FAIL' "$out"
has "$out" "5 of 6 as expected" "the other rows are as expected"
none_left "nothing is left after a failure"

# An upstream that ends at once.
CLAUDE_BOTTLE_DEMO_UPSTREAM_IMAGE=$sidecar_image cb demo
is $rc 1 "a demo whose upstream dies fails"
has "$err" "the demo's upstream has ended" "and says why"
none_left "nothing is left of it"

# One that is not there: known before anything is made.
CLAUDE_BOTTLE_DEMO_UPSTREAM_IMAGE=cbt-demo-none:$tag cb demo
is $rc 1 "a demo without its image fails"
has "$err" "images build demo-upstream" "and says how to make it"
hasnt "$err" "create" "nothing was begun"

# --- stopped ---------------------------------------------------------------------------------
begin_demo
check "a launch is under way" until_true 60 has_member keeper
kill -INT "$demo"
end_demo
is $rc 1 "Ctrl-C during the launch ends the demo"
has "$out" "left behind: 0 containers, 0 networks, 0 volumes" "which proves that nothing is left"
none_left "nothing is left of the launch"

begin_demo
check "the tries are under way" until_true 60 has_row 2
kill -INT "$demo"
end_demo
is $rc 1 "Ctrl-C during the tries ends the demo"
has "$err" "interrupted: removing everything" "and says what it does"
has "$out" "left behind: 0 containers, 0 networks, 0 volumes" "which proves once more that nothing is left"
none_left "nothing is left of the tries"

# On a busy machine one may be over before it is hit.
for try in 1 2 3; do
	begin_demo
	until_true 60 has_row 1
	kill -KILL "$demo" 2>/dev/null
	end_demo 2>/dev/null
	has_member other && break
done
check "a killed demo leaves its session" has_member other
cb cleanup --yes
is $rc 0 "cleanup succeeds"
none_left "cleanup removes the upstream too"

locks() { ls "$XDG_STATE_HOME/claude-bottle/locks"; }
of_killed=$(locks)
is "$(printf '%s\n' "$of_killed" | wc -l)" 2 "of all demos only the killed one left its two locks"
begin_demo
check "another demo is under way" until_true 60 has_row 1
(cd "$work/cwd" && timeout 60 "$bottle" cleanup --yes) >"$work/cleanup" 2>&1 </dev/null
has "$work/cleanup" "nothing is left over" "cleanup leaves a demo alone whose program lives"
end_demo
is $rc 0 "which ends well"
is "$(locks)" "$of_killed" "and leaves no lock of its own"

finish
