#!/bin/bash
# The real Claude Code in a bottle, on a model's host that is a test's own: it starts
# without a question, answers, runs a tool, asks and waits, goes on when it was answered;
# and its hooks say which of that it does, wherever one looks.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/model.sh"

model_prepare
one=$tag-one careful=$tag-careful
cat >"$manifest" <<END
{
  "bottles": { "model": { "env": { $MODEL_ENV }, "egress": { $MODEL_EGRESS } } },
  "agents": {
    "$one": { "bottle": "model", "prompt": "Be brief.", "command": ["claude", "--dangerously-skip-permissions"] },
    "$careful": { "bottle": "model", "command": ["claude", "--permission-mode", "default"] }
  }
}
END

claims() { # session jq-filter: of what list --json says that it claims
	cb list --json && jq -e --arg s "$1" '.[] | select(.session == $s) | .claim | '"$2" "$out"
}
said() { # session jq-filter what
	until_true 60 claims "$1" "$2"
	ok $? "$3" "$(jq -c '.[] | .claim' "$out" 2>&1 | tr '\n' ' ')"
}

# --- it starts, and answers ------------------------------------------------------------------
cb start "$one" --yes
is $rc 0 "an agent of the default image is launched"
check "its model's host is there" model_start "$one"
term_open a 120 40 "$bottle" attach "$one"
shows a '⏵⏵ bypass permissions on' "Claude Code is past every question of a first start"
said "$one" '.state == "waits" and .text == ""' "it waits for its first prompt"
term_keys a 'C-]' z
shows a "$one +waits" "which a dashboard that was there before learns too"
term_keys a 'C-]' z
term_type a "hello there"
shows a 'hello there' "what is typed arrives"
term_keys a Enter
shows a 'You said: hello there' "it answers, through pipelock"
check "the model's host was asked" model_said "$one" '"hello there"'
said "$one" '.state == "waits" and .text == "You said: hello there" and .since > 0' "its turn is over: it waits, and says since when"
cb events --all --json
check "the request was seen on its way" grep -q "$MODEL_HOST" "$out"
check "on its own it asked for nothing that is refused" sh -c "! jq -e 'select(.verdict == \"block\" and (.host | test(\"probe|invalid\\\\|169\") | not))' '$out'"

# --- it works, with a tool ---------------------------------------------------------------------
term_type a 'run sleep 6; echo made-$((6*7))'
shows a 'echo made' "the prompt for a tool is typed"
term_keys a Enter
said "$one" '.state == "working"' "while a tool runs it claims to work"
shows a 'The tool said: made-42' "the tool ran in the bottle, and the model got what it said"
said "$one" '.state == "waits" and .text == "That is done."' "then it waits again"

# --- it asks, and goes on when it was answered -----------------------------------------------------
term_type a "ask Which way; left?"
shows a 'ask Which way' "the prompt for a question is typed"
term_keys a Enter
shows a '1\. Yes' "its question is on the screen"
said "$one" '.state == "asks" and .text == "Which way; left?"' "it asks, and the question is its claim"
term_keys a Enter
shows a 'Answered|have been answered' "the answer arrives"
said "$one" '.state == "waits"' "it went on and ended its turn"

# --- it asks for leave, where it must ------------------------------------------------------------------
cb start "$careful" --yes
is $rc 0 "a second one is launched, without leave to do as it likes"
# attached while it starts, by a second dashboard of the same size: what it wrote before
# is lost, and it must be made to draw all of it again
term_open b 120 40 "$bottle" attach "$careful"
check "its model's host is there too" model_start "$careful"
shows b 'for shortcuts|/effort' "Claude Code is ready there too"
term_type b 'run touch /tmp/made-it'
shows b 'run touch' "a prompt that needs leave is typed"
term_keys b Enter
shows b 'Do you want to proceed' "it asks for leave"
said "$careful" '.state == "asks" and (.text | startswith("may it use Bash: touch /tmp/made-it"))' "and says what for"
is "$(in_agent "$careful" sh -c 'test -e /tmp/made-it && echo yes')" "" "nothing was done yet"
term_keys b Enter
shows b 'That is done' "with leave it goes on"
is "$(in_agent "$careful" sh -c 'test -e /tmp/made-it && echo yes')" yes "and did it"
said "$careful" '.state == "waits"' "and waits for what comes next"

# --- who comes later knows ----------------------------------------------------------------------------------
term_open d 140 40 "$bottle"
shows d "$one +waits" "a dashboard that begins now knows that the first waits"
shows d "$careful +waits" "and that the second does"
shows d "⚑ 2 wait" "both, and nothing else, are in the count of what waits"
term_keys d q
term_close d

# --- what the agent cannot do ----------------------------------------------------------------------------------
settings=/etc/claude-code/managed-settings.d/50-claude-bottle.json
check "the hooks are not the agent's to change" in_agent "$one" sh -c "! ( echo >>$settings || rm $settings || mv /etc/claude-code /tmp/x ) 2>/dev/null"
in_agent "$one" sh -c 'rm -rf /var/lib/claude-bottle/* && mkfifo /var/lib/claude-bottle/activity'
cb list --json
is $rc 0 "a claim that is no file keeps no list waiting"
json "and is none" '[.[] | select(.claim)] | length == 1'
in_agent "$one" sh -c 'rm /var/lib/claude-bottle/activity; printf "1 asks 1 a\033]0;x\007\xff\xe2\x80\xaeb\n" >/var/lib/claude-bottle/activity'
cb list --json
check "hostile text in one does not come out raw" sh -c "jq -e '.[] | select(.claim.state == \"asks\")' '$out' && ! grep -qP '[\x00-\x08\x0b-\x1f\x7f]|\xff' '$out'"

# --- and the end ---------------------------------------------------------------------------------------------------
check "no key is in what the model's host said" sh -c "! docker logs cbt-model-$one 2>&1 | grep -q $MODEL_KEY"
term_close a
term_close b
cb stop --all
is $rc 0 "stop"
none_left "nothing is left, and the model's host went with its session"
finish
