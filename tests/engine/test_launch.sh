#!/bin/bash
# From start to stop: what each verb says, what arrives in the agent's container, and
# what is refused.
. "$(dirname "$0")/lib.sh"

one=$tag-one
cat >"$manifest" <<END
{
  "bottles": {
    "plain": { "env": { "GREETING": "good day" } },
    "unset": { "env": { "FIRST": "${tag}-literal", "MISSING": "\${NOBODY_SETS_THIS}", "PRESENT": "\${SET_HERE}" } }
  },
  "agents": {
    "$one": { "bottle": "plain", "command": ["sleep", "1000"] },
    "$tag-ends": { "bottle": "plain", "command": ["sh", "-c", "exit 7"] },
    "$tag-done": { "bottle": "plain", "command": ["true"] },
    "$tag-unset": { "bottle": "unset", "command": ["true"] },
    "$tag-noimage": { "bottle": "plain", "image": "cbt-launch-$tag/nothing:here", "command": ["true"] },
    "$tag-own": { "bottle": "plain", "image": "cbt-launch-$tag/own:1" },
    "$tag-command": { "bottle": "plain", "image": "cbt-launch-$tag/own:1", "command": ["/own", "from", "manifest"] },
    "$tag-nocommand": { "bottle": "plain", "command": ["/no/such/program"] }
  }
}
END

# --- before anything is made -----------------------------------------------------------
cb start "$one"
is $rc 5 "not a terminal and no --yes: refused by policy"
has "$err" --yes "the message names the flag"
has "$err" "  egress    " "the preflight was shown"
is "$(grep -c '^  [a-z ]*  ' "$err")" 6 "it has six lines"
cb start "$one" --dry-run
is $rc 0 "--dry-run"
has "$out" "create internal network" "--dry-run prints the steps"
cb start "$one" --dry-run --json
json "the plan is JSON with every step" '.session == "'"$one"'" and (.steps | length) > 20 and all(.steps[]; .title and .kind)'
cb start "$one" --color mauve --yes
is $rc 2 "a colour that is none"
cb start "$tag-nobody" --yes
is $rc 2 "an agent that is in no manifest"
has "$err" "$tag-nobody" "the message names it"
cb start "$tag-noimage" --yes
is $rc 1 "an image that the engine does not have"
has "$err" "docker pull cbt-launch-$tag/nothing:here" "the message names the image, and what fetches it"
SET_HERE=secret-$tag cb start "$tag-unset" --yes
is $rc 2 "an unset variable of the host"
has "$err" NOBODY_SETS_THIS "the message names the variable"
cat "$out" "$err" >"$work/all"
hasnt "$work/all" "$tag-literal" "and no literal's value"
hasnt "$work/all" "secret-$tag" "and no other variable's value"
none_left "nothing of all this is in the engine"

# --- start, look, relaunch, stop -----------------------------------------------------------
cb start "$one" --color "#7fb0ff" --yes
is $rc 0 "start"
is "$(cat "$out")" "$one" "stdout is the session's name alone"
check "isolation was proved" grep -qE "isolation ([0-9]+)/\\1" "$err"
cb list
check "list shows it running" grep -qE "^$one +plain +running +[0-9]+s +([0-9]+)/\\1 " "$out"
cb list --json
json "list --json" '.[0] | .session == "'"$one"'" and .state == "running" and .isolation.verified and
	.isolation.passed == .isolation.total and (.members | map(.role) | sort) == ["agent", "keeper", "pipelock", "resolver"]'
first=$(jq -r '.[0].launch' "$out")
cb list available --json
json "list available --json" 'length > 0'
cb info "$one" --json
json "info --json" 'type == "object"'
cb events --all --json
check "each line of events --json is JSON" sh -c "test -s '$out' && jq -es 'all(.[]; .session == \"$one\" and .kind)' '$out'"
check "an unlisted host was refused for the probe, and says so" grep -q '"egress.blocked"' "$out"
cb verify "$one" --json
is $rc 0 "verify"
json "verify --json" '.ok and .passed == .total and .total > 20'
is "$(ours | grep -c probe)" 0 "verify leaves no probe behind"
docker network create --internal --label "cbt-test=$run" "cbt-launch-$tag" >/dev/null
docker network connect "cbt-launch-$tag" "cb-$one-agent"
cb verify "$one"
is $rc 4 "verify of a session that somebody put on another network"
has "$err" "engine-network" "it says what does not hold"
cb list --json
json "the session no longer goes as one that passed" '.[0].isolation | .verified and .passed < .total'
docker network disconnect "cbt-launch-$tag" "cb-$one-agent"
docker network rm "cbt-launch-$tag" >/dev/null
cb verify "$one"
is $rc 0 "verify once that is mended"
cb list --json
json "it goes as one that passed again" '.[0].isolation | .verified and .passed == .total'
check "the agent runs as uid 1000, in its home" sh -c "docker exec cb-$one-agent sh -c 'id -u; pwd' | tr '\n' ' ' | grep -qx '1000 /home/agent '"
# of process 1 itself: it got the variables from the delivered list
check "the bottle's literal variable reached the agent" sh -c \
	"docker exec -u 1000 cb-$one-agent sh -c 'tr \"\\0\" \"\\n\" </proc/\$(pgrep -x sleep)/environ' | grep -qx 'GREETING=good day'"
check "the delivered list is gone" sh -c "! docker exec -u 1000 cb-$one-agent test -e /run/claude-bottle/env"
cb start "$one" --yes
is $rc 1 "a session that exists is not started again"
has "$err" "$one exists already" "the message says so"
has "$err" "--label" "and what to do"
cb relaunch "$one" --yes --json
is $rc 0 "relaunch"
json "relaunch --json" '.state == "running" and .isolation.passed == .isolation.total and (.ca_sha256 | length) == 95'
fingerprint=$(jq -r .ca_sha256 "$out")
cb list --json
json "and has its colour again" '.[0].color == "#7fb0ff"'
check "it is another launch" test "$(jq -r '.[0].launch' "$out")" != "$first"
docker cp "cb-$one-agent:/etc/claude-bottle/ca.pem" "$work/ca.pem" >/dev/null 2>&1
is "$(openssl x509 -in "$work/ca.pem" -noout -fingerprint -sha256 | cut -d= -f2)" "$fingerprint" "the CA that arrived is the one announced"
cb stop "$one"
is $rc 0 "stop"
none_left "stop leaves nothing"
cb stop "$one"
is $rc 1 "stop of what is not there"
has "$err" "there is no session" "the message says so"
cb list --json
is "$(jq length "$out")" 0 "the list is empty"

# --- several at once --------------------------------------------------------------------------
cb start "$one" --label a --yes
is $rc 0 "start with a label"
cb start "$one" --label b --yes
is $rc 0 "start with another label beside it"
cb list --json
is "$(jq -r '[.[].session] | join(" ")' "$out")" "$one--a $one--b" "both are listed"
is "$(jq -r '[.[].state] | unique | join(" ")' "$out")" running "both run"
cb verify "$one--a"
is $rc 0 "with a neighbour, isolation still holds"
cb stop --all
is $rc 0 "stop --all"
none_left "stop --all leaves nothing"

begin=$(now_ms)
for label in x y; do
	timeout 120 "$bottle" start "$one" --label $label --yes >"$work/out.$label" 2>"$work/err.$label" </dev/null &
	pids[${#label}]=$!
	eval "pid_$label=$!"
done
wait "$pid_x"; rc_x=$?
wait "$pid_y"; rc_y=$?
say "two launches by two processes: $(($(now_ms) - begin)) ms"
cat "$work/err.x" "$work/err.y" >"$err"; : >"$out"
is "$rc_x $rc_y" "0 0" "two launches in parallel by two processes"
timeout 120 "$bottle" start "$one" --label z --yes >"$work/out.x" 2>"$work/err.x" </dev/null & pid_x=$!
timeout 120 "$bottle" start "$one" --label z --yes >"$work/out.y" 2>"$work/err.y" </dev/null & pid_y=$!
wait "$pid_x"; rc_x=$?
wait "$pid_y"; rc_y=$?
cat "$work/err.x" "$work/err.y" >"$err"
is "$((rc_x + rc_y)) $((rc_x * rc_y))" "1 0" "of two launches of one session one is refused"
check "the refusal says why" grep -qE "is being launched by another|exists already" "$err"
cb list --json
json "three sessions run" 'length == 3 and all(.[]; .state == "running")'
cb stop --all
none_left "and all go"

# --- the agent's end ----------------------------------------------------------------------------------
cb start "$tag-ends" --yes
is $rc 0 "an agent that ends at once was launched"
cb start "$tag-done" --yes
is $rc 0 "and one that ends well"
cb start "$one" --yes
ended() { cb list --json && jq -e '[.[] | select(.exit_code)] | length == 2' "$out"; }
check "the ends are seen" until_true 60 ended
json "its exit code is shown, and that it failed" '.[] | select(.session == "'"$tag-ends"'") | .state == "failed" and .exit_code == 7'
json "the one that ended well is stopped" '.[] | select(.session == "'"$tag-done"'") | .state == "stopped" and .exit_code == 0'
cb list
has "$out" "agent ended with 7" "the list says it in words"
cb cleanup
is $rc 5 "cleanup without a terminal asks for --yes"
has "$err" --yes "and names it"
cb cleanup --yes
is $rc 0 "cleanup"
cb list --json
is "$(jq -r '[.[].session] | join(" ")' "$out")" "$one" "cleanup removed what ended and left what runs"
cb stop "$one"
cb start "$tag-nocommand" --yes
ended_127() { cb list --json && jq -e '.[0].exit_code == 127' "$out"; }
check "a command that is not there ends with 127" until_true 60 ended_127
check "its terminal says so" sh -c "docker logs cb-$tag-nocommand-agent 2>&1 | grep -q /no/such/program"
cb cleanup --yes
none_left "cleanup leaves nothing of it"

# --- any image: one static program, no shell, no CA bundle, no user, no home ---------------------------------
mkdir -p "$work/own"
cat >"$work/own.c" <<'END'
#include <stdio.h>
#include <unistd.h>
int main(int argc, char **argv)
{
	for (int i = 0; i < argc; i++)
		printf("[%s]", argv[i]);
	printf("\n");
	fflush(stdout);
	sleep(1000);
	return 0;
}
END
musl-gcc -static -O1 -o "$work/own/own" "$work/own.c" || die "musl-gcc does not work: run scripts/setup"
printf 'FROM scratch\nCOPY own /own\nLABEL cbt-test=%s\nENTRYPOINT ["/own", "entry"]\nCMD ["cmd"]\n' "$run" >"$work/own/Dockerfile"
docker build -q -t "cbt-launch-$tag/own:1" "$work/own" >/dev/null || die "docker build"
says() { docker logs "cb-$1-agent" 2>&1 | grep -qF "$2"; }
cb start "$tag-own" --yes
is $rc 0 "an image without a shell or a CA bundle"
check "its own entry point and command run" until_true 60 says "$tag-own" '[/own][entry][cmd]'
docker cp "cb-$tag-own-agent:/etc/claude-bottle/ca-bundle.pem" "$work/bundle" >/dev/null 2>&1
is "$(grep -c BEGIN "$work/bundle")" 1 "its CA bundle is our CA alone"
cb stop "$tag-own"
cb start "$tag-command" --yes
is $rc 0 "the same image with a command"
check "the manifest's command runs" until_true 60 says "$tag-command" '[/own][from][manifest]'
cb stop "$tag-command"

# --- what is brought along: prompt, skills, a copy of a folder ---------------------------------------------------
mkdir -p "$HOME/.claude/skills/tidy/sub" "$work/project/sub"
echo "# tidy" >"$HOME/.claude/skills/tidy/SKILL.md"
echo deep >"$HOME/.claude/skills/tidy/sub/deep.txt"
printf 'Be brief.\n' >"$work/prompt.txt"
(
	cd "$work/project" && git init -q . && git config user.email a@b && git config user.name a
	echo tracked >tracked.txt; printf '#!/bin/sh\n' >sub/run.sh; chmod +x sub/run.sh; ln -s tracked.txt link
	echo '*.secret' >.gitignore; echo no >ignored.secret
	git add -A && git commit -qm first
	echo fresh >untracked.txt
	printf '#!/bin/sh\necho hook\n' >.git/hooks/pre-commit; chmod +x .git/hooks/pre-commit
) || die "git"
cat >"$manifest" <<END
{
  "bottles": { "plain": {} },
  "agents": {
    "$tag-brings": { "bottle": "plain", "command": ["sleep", "1000"], "prompt": { "file": "$work/prompt.txt" },
      "skills": ["tidy"], "workspace": { "copy": "$work/project" } },
    "$tag-text": { "bottle": "plain", "command": ["sh", "-c", "while read -r line; do echo \"\$line\" >/tmp/told; done"],
      "prompt": "Say \"hello\" & more" },
    "$tag-noskill": { "bottle": "plain", "command": ["sleep", "1000"], "skills": ["nothing"] }
  }
}
END
cb start "$tag-brings" --yes
is $rc 0 "start with a prompt's file, a skill and a copy of a folder"
see() { docker exec -u 1000 "cb-$tag-brings-agent" sh -c "$1" 2>&1; }
is "$(see 'cat /etc/claude-bottle/prompt.txt')" "Be brief." "the prompt is there"
is "$(see 'cat ~/.claude/skills/tidy/SKILL.md ~/.claude/skills/tidy/sub/deep.txt' | tr '\n' ' ')" "# tidy deep " "the skill is there, with its folder"
is "$(see 'cd /workspace && cat tracked.txt untracked.txt; readlink link; test -x sub/run.sh && echo x' | tr '\n' ' ')" \
	"tracked fresh tracked.txt x " "tracked and new files, a link and a mode arrived"
is "$(see 'ls /workspace/ignored.secret /workspace/.git/hooks/pre-commit 2>/dev/null')" "" "ignored files and hooks stayed at home"
is "$(see 'cd /workspace && git status --porcelain && git log --format=%s')" "$(printf '?? untracked.txt\nfirst')" "git works in it"
is "$(see 'find /workspace ~ -xdev ! -user 1000 | head -n 3')" "" "all of it is the agent's"
is "$(see 'readlink /proc/$(pgrep -x sleep)/cwd')" /workspace "its command runs in the workspace"
is "$(see 'touch /etc/claude-bottle/x /claude-bottle/x 2>/dev/null && echo written')" "" "our own files are not the agent's to change"
cb stop "$tag-brings"
cb start "$tag-text" --yes
is "$(in_agent "$tag-text" cat /etc/claude-bottle/prompt.txt)" 'Say "hello" & more' "a prompt in the manifest arrives byte for byte"
told() { [ "$(in_agent "$tag-text" cat /tmp/told 2>/dev/null)" = "$1" ]; }
cb send "$tag-text" "go on; \$HOME"
is $rc 0 "send a line"
check "the agent reads it as it was" until_true 60 told 'go on; $HOME'
cb send "$tag-text" --no-enter "half and "
cb send "$tag-text" half
check "--no-enter leaves the line open" until_true 60 told "half and half"
cb stop "$tag-text"
cb send "$tag-text" late
is $rc 1 "send to a session that is not there"
has "$err" "is not running" "it says so"
cb start "$tag-noskill" --yes
check "a skill that is not there is refused" test $rc -ne 0
has "$err" nothing "and named"
# --- a clone through the gate, from an ssh upstream of the test's own on this host -------------------------------
need_gate
timeout 900 "$bottle" images build demo-upstream >"$work/images" 2>&1 </dev/null || die "the upstream's image cannot be made: $(tail -n 3 "$work/images")"
upstream_image=$("$bottle" images list --json 2>/dev/null | jq -r '.[] | select(.name == "demo-upstream") | .ref')
# an address of the host that the egress network's members reach by their gateway
host=$(ip -4 -o addr show docker0 | awk '{ split($4, a, "/"); print a[1]; exit }')
[ -n "$host" ] || die "docker0 has no address"
port=$("$python" -c "import socket; s = socket.socket(); s.bind(('$host', 0)); print(s.getsockname()[1])")
mkdir -p "$work/ssh"
ssh-keygen -q -t ed25519 -N '' -C '' -f "$work/ssh/ssh_host_key" && ssh-keygen -q -t ed25519 -N '' -C '' -f "$work/id" &&
	cp "$work/id.pub" "$work/ssh/authorized_keys" || die "ssh-keygen"
docker create --name "cbt-launch-$tag-git" --label "cbt-test=$run" --network host -u git "$upstream_image" \
	/usr/sbin/sshd -D -e -f /usr/local/lib/demo-upstream/sshd_config -o "ListenAddress=$host:$port" >/dev/null &&
	tar -C "$work/ssh" -c --owner 1000 --group 1000 . | docker cp - "cbt-launch-$tag-git:/etc/demo-upstream" >/dev/null 2>&1 &&
	docker start "cbt-launch-$tag-git" >/dev/null || die "the upstream does not start"
until_true 60 sh -c "echo | timeout 2 '$python' -c \"import socket; socket.create_connection(('$host', $port), 1)\"" || die "sshd does not listen: $(docker logs "cbt-launch-$tag-git" 2>&1 | tail -n 3)"
cat >"$manifest" <<END
{
  "bottles": { "gated": { "git": [ { "Name": "proj", "Upstream": "ssh://git@git.test:$port/home/git/demo.git", "IdentityFile": "$work/id",
    "KnownHostKey": "$(cut -d' ' -f1,2 "$work/ssh/ssh_host_key.pub")", "ExtraHosts": { "git.test": "$host" } } ] } },
  "agents": { "$tag-clone": { "bottle": "gated", "command": ["sleep", "1000"], "workspace": { "clone": "proj" } } }
}
END
cb start "$tag-clone" --yes
is $rc 0 "start with a clone through the gate"
in_clone() { docker exec -u 1000 -w /workspace "cb-$tag-clone-agent" sh -c "$1" 2>&1; }
check "the clone arrives" until_true 20 docker exec "cb-$tag-clone-agent" test -f /workspace/README
is "$(in_clone 'git log --format=%s')" begin "with its history"
is "$(in_clone 'git remote get-url origin')" "git://git-gate/git.test_$port/home/git/demo.git" "its remote is the gate"
is "$(in_clone 'find . ! -user 1000 | head -n 3')" "" "it is the agent's"
fetched() { cb events --json --session "$tag-clone" && jq -es 'any(.[]; .kind == "fetch.ok")' "$out"; }
check "the fetch is an event" until_true 60 fetched
cb stop "$tag-clone"
none_left "nothing is left at the end"
finish
