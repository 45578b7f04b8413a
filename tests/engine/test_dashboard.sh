#!/bin/bash
# The dashboard in a terminal, on a real engine: launch, attach, type, see a block come
# while attached and while zoomed, a shell beside it, relaunch, leave and come back, be
# killed and come back, change size, stop; and how soon a block is seen.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/model.sh"	# for its terminals
. "$(dirname "$0")/block.sh"

one=$tag-one two=$tag-two
cat >"$manifest" <<END
{
  "bottles": { "plain": {} },
  "agents": {
    "$one": { "bottle": "plain", "command": ["bash", "--norc"] },
    "$two": { "bottle": "plain", "command": ["bash", "--norc"] },
    "$tag-late": { "bottle": "plain", "command": ["python3", "-c",
      "import signal,time\\ntime.sleep(5)\\nsignal.signal(signal.SIGWINCH, lambda *a: print('drawn anew', flush=True))\\nwhile True: time.sleep(1)"] }
  }
}
END

# A question is deaf for its first moments: answer until it is gone.
answered() { term_hides "$1" 'Cancel' || { term_keys "$1" y; return 1; }; }
says_yes() { # name question
	until_true 20 term_shows "$1" "$2" && until_true 20 answered "$1"
}
launch_of() { cb list --json && jq -r --arg s "$1" '.[] | select(.session == $s) | .launch' "$out"; }
tty_is() { [ "$(in_agent "$1" stty -F "/dev/pts/${3:-0}" size | tr -d '\r')" = "$2" ]; } # session size [number]
ran() { # name command wanted what: in the terminal that has the keyboard
	term_type "$1" "$2"
	term_keys "$1" Enter
	shows "$1" "$3" "$4"
}

# --- launch ----------------------------------------------------------------------------------
term_open d 120 40 "$bottle"
shows d "$one +stopped" "the manifest's agents are listed"
shows d "docker [0-9]" "the engine is named"
term_type d ":session $one"
term_keys d Enter l
check "l asks, with what is granted" says_yes d 'egress'
shows d "$one +(works|idle|running|waits)" "the session runs"
shows d 'isolation ([0-9]+)/\1' "its isolation was proved"
shows d 'bash-[0-9.]+\$' "its terminal is on the screen"
first=$(launch_of "$one")

# --- attach, type, a block --------------------------------------------------------------------------
term_keys d Enter
shows d '^ ctrl-\]' "attached: the dock has the prefix"
ran d 'echo typed-$((40+2))' '^.*│typed-42' "what is typed reaches the agent, its answer the screen"
ran d 'curl -s http://first-$((7*11)).test/' 'blocked: domain not in allowlist: first-77.test' "the agent is refused, and reads why"
shows d '✗ .*first-77\.test' "the block is in its pane, while attached"
shows d '⚑ 1 ' "the dock counts it"
term_keys d 'C-]' z
hides d 'Sessions' "zoomed: the terminal alone"
shows d "⚑ 1 .*$one!1" "with the dock"
ran d 'curl -s http://second-$((7*11)).test/' 'blocked: domain not in allowlist: second-77.test' "another one, zoomed"
shows d "⚑ 2 .*$one!2" "a block is seen while zoomed"
check "zoomed, the agent has the whole screen but the dock" until_true 60 tty_is "$one" "39 120"

# --- other sizes ----------------------------------------------------------------------------------------
term_size d 72 21
check "the agent follows the size" until_true 60 tty_is "$one" "20 72"
ran d 'echo small-$((40+2))' '^small-42' "and goes on in a small one"
term_size d 30 9
shows d 'too small' "below 40 by 12 it says so"
term_size d 120 40
check "and back" until_true 60 tty_is "$one" "39 120"
shows d 'small-42' "what was there is there"
term_keys d 'C-]' z
shows d 'Sessions' "no longer zoomed"
term_keys d 'C-]' d
shows d 'help  q quit' "detached: keys are the dashboard's"
term_type d j
hides d '\$ j' "and do not reach the agent"
term_type d ":session $one"
term_keys d Enter

# --- a shell beside it ----------------------------------------------------------------------------------
term_keys d E
shows d 'shell · ' "E opens a shell beside the agent's terminal"
shows d 'agent@' "its prompt comes"
ran d 'echo $$-shell-$((40+2)); tty' '/dev/pts/1' "it has a terminal of its own"
check "and of the pane's size" until_true 60 tty_is "$one" "26 88" 1
term_type d exit
term_keys d Enter
hides d 'shell · ' "which goes when it ends"
shows d 'small-42' "the agent's is there again"

# --- leave, and come back ---------------------------------------------------------------------------------
term_keys d 'C-]' d
shows d 'help  q quit' "detached"
term_keys d q
shows d 'exit 0' "q leaves"
term_close d
is "$(launch_of "$one")" "$first" "the session goes on"
term_open e 120 40 "$bottle"
shows e "$one +(works|idle|running|waits)" "a new dashboard finds it"
shows e 'small-42' "with its terminal as it was"
shows e '✗ .*first-77\.test' "and its blocks"

term_keys e Enter
shows e '^ ctrl-\]' "attached"
ran e 'echo before-$((40+2))' 'before-42' "it takes keys"
kill -KILL "$(term_pid e)"
shows e 'exit 137|Killed' "killed while attached"
term_close e
is "$(launch_of "$one")" "$first" "the session goes on once more"
term_open f 100 30 "$bottle" attach "$one"
shows f 'before-42' "attach shows its terminal as it was"
hides f 'Sessions' "and nothing else"
ran f 'echo after-$((40+2))' 'after-42' "it takes keys there"
term_keys f 'C-]' z
shows f 'Sessions' "the others are one key away"
term_keys f 'C-]' d

# --- relaunch, a second one, stop -----------------------------------------------------------------------------
shows f 'help  q quit|q quit' "detached there"
term_keys f r
is_new() { local now; now=$(launch_of "$one"); [ -n "$now" ] && [ "$now" != "$first" ] && jq -e '.[0].state == "running"' "$out"; }
check "it is launched anew" until_true 60 is_new
hides f 'after-42' "its terminal begins anew"
shows f 'bash-[0-9.]+\$' "with a prompt"
term_type f ":session $two"
term_keys f Enter l
check "another one is launched beside it" says_yes f 'egress'
shows f '2 running' "both run"
for session in "$one" "$two"; do
	term_type f ":session $session"
	term_keys f Enter s
	check "s asks before it ends $session" says_yes f 'End the session'
	shows f "$session +stopped" "$session is stopped"
done
term_keys f q
shows f 'exit 0' "q leaves"
term_close f

# --- a program that does not yet listen when one attaches ------------------------------------------------------
cb start "$tag-late" --yes
is $rc 0 "a program that takes its time to listen"
term_open g 100 30 "$bottle" attach "$tag-late"
shows g 'drawn anew' "it is asked again to draw itself"
term_close g
cb stop --all

# --- how soon a block is seen: bench-block measures it, here it must be soon ----------------------------------
block_manifest "$one" 3
cb start "$one" --label a --yes && cb start "$one" --label b --yes
is $rc 0 "two agents that are refused again and again"
check "each block is in its pane within two seconds" block_attached "$one--a" 3 2000
check "and in the dock's count, zoomed" block_zoomed "$one--b" 3 2000
cb stop --all
none_left "nothing is left"
finish
