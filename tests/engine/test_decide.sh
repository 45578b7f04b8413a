#!/bin/bash
# Deciding in the dashboard, on a real engine: a block comes, a person lets it through,
# the agent's retry passes; taken back it is refused; the session is frozen and thawed.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/model.sh"	# for its terminals

one=$tag-one
cat >"$manifest" <<END
{
  "bottles": { "plain": { "egress": { "trusted": ["new.test"] } } },
  "agents": { "$one": { "bottle": "plain", "command": ["sleep", "1000"] } }
}
END
cb start "$one" --yes
is $rc 0 "start"
docker run -d --name "cbt-decide-$tag-up" --label "cbt-test=$run" --network "cb-$one-egress" --network-alias new.test \
	-u 0 --entrypoint python3 "$agent_image" -m http.server 80 >/dev/null || die "the upstream does not start"
status() { in_agent "$one" curl -s -m 15 -o /dev/null -w '%{http_code}' "http://$1/"; }
passes() { [ "$(status new.test)" = 200 ]; }
refused() { [ "$(status new.test)" = "$1" ]; }
# A question takes no key in its first moments: nobody can have read it by then.
read_it() { sleep 2; }
# What follows Escape at once would be a key with Alt.
alone() { sleep 2; }
serves() { docker exec "cbt-decide-$tag-up" curl -s -o /dev/null http://127.0.0.1/; }
until_true 60 serves || die "the upstream does not serve"

term_open d 120 40 "$bottle"
shows d "$one +(idle|running|works)" "the session runs"
check "the agent is refused" refused 403
shows d '✗ ⚑ .*new\.test' "its block is in the pane, and waits"
term_keys d w
shows d 'Inbox · 1 of 1' "w leads to it"
shows d 'scanner +allowlist' "with its scanner"
shows d 'a +lets .* reach new\.test' "and what a would do"
term_keys d a
shows d 'Let it through\?' "a asks"
term_keys d Enter
shows d 'nothing is chosen yet' "Enter alone decides nothing"
check "and nothing passes yet" refused 403
read_it
term_keys d 2 Enter
shows d 'new\.test for 15m: pipelock confirmed' "15 minutes: pipelock confirmed it"
before=$(now_ms)
check "the agent's first retry passes" passes
say "the retry took $(($(now_ms) - before)) ms, a docker exec and curl included"
hides d 'Inbox · 1 of 1' "the question is settled"
term_keys d Escape
shows d 'new\.test for 14m' "the time counts down in the session's title"
term_type d ":policy"
term_keys d Enter
shows d '✓ new\.test +for 14m more +by you' "the policy has it"
term_keys d R
shows d 'Take it away\?' "R asks"
read_it
term_keys d 1 Enter
shows d 'may not reach new\.test any more' "revoked"
check "the agent is refused again" refused 403
term_keys d Escape
alone

term_type d ":why http://new.test/"
term_keys d Enter
shows d 'pipelock would refuse it' "why: pipelock itself says no"
term_keys d Escape
alone

paused() { [ "$(docker inspect -f '{{.State.Paused}}' "cb-$one-agent")" = "$1" ]; }
term_keys d F
shows d 'Freeze\?' "F asks"
read_it
term_keys d 1 Enter
shows d "$one is frozen" "frozen"
check "its agent is paused" until_true 60 paused true
shows d "‖ $one +frozen" "a shape and a word say so"
term_keys d F
shows d 'Thaw\?' "F again asks"
read_it
term_keys d 1 Enter
shows d "$one goes on" "thawed"
check "its agent goes on" until_true 60 paused false

cb events --json --kind policy.changed
check "every decision is an event with who" test "$(jq -s '[.[] | select(.detail.by != null)] | length' "$out")" -ge 4
term_type d ":find new.test revoke"
term_keys d Enter
shows d 'Find new\.test revoke · 1 found' "and is found among everything that happened"
term_keys d Escape
alone
term_keys d i
shows d 'Inbox · 1 of 1' "what was refused after the revocation asks again"
term_keys d x
shows d 'Nothing waits for you' "x: it does so no longer"
term_keys d Escape
alone

# another question, on the command line
waiting() { "$bottle" inbox --json 2>/dev/null | jq -r '.[] | select(.host == "cli.test" and .kind == "block") | .id'; }
is_asked() { [ -n "$(waiting)" ]; }
denied() { [ "$(status cli.test)" = 403 ]; }
check "another host is refused" denied
check "the command line's inbox has it" is_asked
shows d '⚑ 1 wait' "and the dashboard's title counts it"
asked=$(waiting)
cb inbox dismiss "$asked" --why "no business of its"
is $rc 0 "inbox dismiss"
hides d '⚑ 1 wait' "the dashboard that runs forgets it, too"
check "it is refused once more" denied
quiet() { ! is_asked; }
check "and asks no more" quiet
# both at once: whoever comes second finds it done, and is told nothing else
denied_too() { [ "$(status both.test)" = 403 ]; }
check "a third host is refused" denied_too
shows d '⚑ 1 wait' "the dashboard counts it"
term_keys d i
shows d 'Inbox · 1 of 1' "and lists it"
both=$("$bottle" inbox --json 2>/dev/null | jq -r '.[] | select(.host == "both.test" and .kind == "block") | .id')
"$bottle" inbox dismiss "$both" 2>"$work/both" &
term_keys d x
wait $!
shows d 'Nothing waits for you' "x, while the command line dismisses it, too"
term_keys d Escape
alone
cb events --json --kind inbox
is "$(jq -r 'select(.host == "both.test") | .kind' "$out")" inbox.dismissed "that is one event"
is "$(jq -r 'select(.host == "cli.test") | .detail.why + " " + .detail.id' "$out")" "no business of its $asked" \
	"a dismissal says why, and of which question"
check "and each who did it" jq -se 'length == 3 and all(.detail.by != "")' "$out"
cb events --json --grep "dismissed cli.test"
is "$(grep -c . "$out")" 1 "dismissals are found by their words"
cb inbox dismiss "$(printf '%016d' 0)"
is $rc 1 "what does not wait cannot be dismissed"

term_keys d Escape
alone
term_keys d q
shows d 'exit 0' "q leaves"
term_open e 120 40 "$bottle"
shows e "$one +(idle|running|works)" "a dashboard that comes back"
shows e 'new\.test' "shows what happened"
hides e '⚑ [0-9]' "and does not ask again what was dismissed"
term_keys e q
shows e 'exit 0' "and leaves"

# its agent ends: what was asked can be answered for the next launch, and goes with it
row() { "$bottle" inbox --json 2>/dev/null | jq -e --arg h "$1" "[.[] | select(.host == \$h and $2)] | length == $3" >/dev/null; }
late() { [ "$(status "$1")" = 403 ]; }
check "a fourth host is refused" late late.example.org
check "and a fifth" late other.example.org
check "both wait" until_true 60 row late.example.org '(.ended | not)' 1
docker kill "cb-$one-agent" >/dev/null
check "the agent is killed: its questions are marked as ended" until_true 60 row late.example.org .ended 1
cb allow "$one" late.example.org
is $rc 1 "nothing can be let through now"
cb allow "$one" late.example.org --save --yes --why "for the next one"
is $rc 0 "but for the next launch"
check "it is in the manifest" grep -q late.example.org "$manifest"
check "that settles the question" until_true 60 row late.example.org true 0
cb events --json --kind policy.changed
is "$(jq -r 'select(.host == "late.example.org") | .detail.scope + " " + .detail.why' "$out")" "manifest for the next one" \
	"and is an event with its scope and why"
check "the other one is there still" row other.example.org .ended 1
docker rm -f "cbt-decide-$tag-up" >/dev/null	# it is in the session's network
cb stop "$one"
is $rc 0 "stop"
check "removed, it asks nothing more" row other.example.org true 0
cb events --json --grep other.example.org
is "$(jq -r .kind "$out")" egress.blocked "what happened stays among the events"
finish
