#!/bin/bash
# Sentinels are planted wherever a secret can come from; then everything that could
# have kept one is searched, while the session runs and after it was stopped: the
# engine's objects, its disk, its logs and events, command lines, our own words and files.
#
# The disk is searched below the engine's data root and state folders without crossing
# a mount: the tmpfs volumes that hold keys are not entered, the upper layers of
# containers are. Files changed since the test began are read; a sentinel cannot be in
# any other. A control sentinel, planted on purpose, proves that the search finds.
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" -eq 0 ] || die "only root can read the engine's disk"
need_gate

one=$tag-one
secret() { head -c 24 /dev/urandom | base64 | tr -d '/+='; }
prompted=asked-$(secret) hosted=host-$(secret) literal=literal-$(secret) control=control-$(secret)
mkdir -p "$work/keys"
ssh-keygen -q -t ed25519 -N '' -C '' -f "$work/keys/id" || die "ssh-keygen"
ssh-keygen -q -t ed25519 -N '' -C '' -f "$work/keys/host" || die "ssh-keygen"
echo "$prompted" >"$work/keys/answer"
echo y >"$work/keys/yes"
cat >"$manifest" <<END
{
  "bottles": { "plain": {
    "env": { "ASKED": "?paste a token", "FROM_HOST": "\${HOST_TOKEN_$tag}", "FIXED": "$literal" },
    "git": [ { "Name": "proj", "Upstream": "ssh://git@git.example.test/a/proj.git", "IdentityFile": "$work/keys/id",
      "KnownHostKey": "$(cut -d' ' -f1,2 "$work/keys/host.pub")", "ExtraHosts": { "git.example.test": "198.51.100.9" } } ] } },
  "agents": { "$one": { "bottle": "plain", "command": ["sleep", "1000"] } }
}
END

root=$(docker info --format '{{.DockerRootDir}}')
[ -d "$root" ] || die "the engine's data root $root is not on this machine"
places=("$root")
for place in /var/lib/containerd /run/docker /run/containerd; do
	[ ! -d $place ] || [ -L $place ] || places+=("$place")
done
began=$(date +%s)
sleep 1

# --- launch on a terminal, with the command lines of the machine watched ------------------
mkdir -p "$work/p"
printf '%s\n' "$prompted" "$hosted" "$literal" >"$work/p/patterns"
sed -n 4p "$work/keys/id" >>"$work/p/patterns"	# a line of the key's body that is the key's own
for s in "$prompted" "$hosted" "$literal"; do
	printf %s "$s" | base64 -w0 | cut -c1-32	# as base64, too
	echo
done | grep . >>"$work/p/patterns"
cp "$work/p/patterns" "$work/p/watched"
(
	while :; do
		cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' ' ' | grep -aF -f "$work/p/watched"
		sleep 0.02
	done
) >"$work/cmdlines" 2>/dev/null &
watcher=$!
started+=("$watcher")
cd "$work/cwd" || exit 1
env "HOST_TOKEN_$tag=$hosted" timeout 160 "$python" "$tree/tests/engine/onpty.py" "$work/screen" "Start it? [y/N] " "$work/keys/yes" "paste a token: " "$work/keys/answer" \
	-- "$bottle" start "$one" >"$out" 2>"$err"
rc=$?
cd "$tree" || exit 1
cp "$work/screen" "$out"
is $rc 0 "a launch on a terminal, with a question"
for v in ASKED FROM_HOST FIXED; do
	case $v in ASKED) want=$prompted ;; FROM_HOST) want=$hosted ;; FIXED) want=$literal ;; esac
	got=$(in_agent "$one" sh -c "tr '\\0' '\\n' </proc/\$(pgrep -x sleep)/environ | sed -n 's/^$v=//p'")
	[ "$got" = "$want" ]
	ok $? "$v reached the agent's process"
done
# the CA's key: from where it belongs, pipelock's tmpfs volume
docker cp "cb-$one-pipelock:/etc/pipelock/ca-key.pem" - 2>/dev/null | tar -xO | sed -n 3p >>"$work/p/patterns"
is "$(grep -c . "$work/p/patterns")" 8 "there are eight sentinels"
check "the known secrets lie with pipelock" sh -c "DOCKER_HOST=$engine docker cp cb-$one-pipelock:/etc/pipelock/secrets - | tar -xO | grep -qF -f $work/p/patterns"

# --- the search -------------------------------------------------------------------------------
search() { # patterns: "place: what" of every find
	local kind id
	for kind in container image network volume; do
		case $kind in
		container) docker ps -aq ;;
		image) docker images -aq ;;
		network) docker network ls -q ;;
		volume) docker volume ls -q ;;
		esac | sort -u | xargs -r env DOCKER_HOST="$engine" docker $kind inspect 2>/dev/null | grep -F -f "$1" | sed "s/^/inspect $kind: /"
	done
	docker events --since "$began" --until "$(date +%s)" 2>/dev/null | grep -qF -f "$1" && echo "engine's events"
	docker ps -aq --filter "label=io.claude-bottle.install=$(install)" --filter "label=cbt-test=$run" | while read -r id; do
		docker logs "$id" 2>&1 | grep -qaF -f "$1" && echo "log: $id"
	done
	docker ps -a --filter "label=io.claude-bottle.install=$(install)" --format '{{.Names}}' | while read -r id; do
		docker logs "$id" 2>&1 | grep -qaF -f "$1" && echo "log: $id"
	done
	find "${places[@]}" -xdev -type f -newerct "@$began" -print0 2>/dev/null |
		xargs -0 -r grep -laF -f "$1" 2>/dev/null | sed 's/^/disk: /'
	cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' ' ' | grep -qaF -f "$1" && echo "command line"
	find "$XDG_STATE_HOME" "$XDG_CACHE_HOME" "$XDG_DATA_HOME" "$XDG_CONFIG_HOME" "$HOME" "$work/cwd" -type f ! -path "$manifest" -print0 2>/dev/null |
		xargs -0 -r grep -laF -f "$1" | sed 's/^/our file: /'
	for id in "$work/screen" "$work/words"; do
		[ ! -e "$id" ] || ! grep -qaF -f "$1" "$id" || echo "our words: $id"
	done
}
n_files() { find "${places[@]}" -xdev -type f -newerct "@$began" 2>/dev/null | wc -l; }

for verb in "list" "list --json" "info $one" "info $one --json" "events --all" "events --all --json" "verify $one" "check" "start $one --dry-run --label x --json"; do
	cb $verb
	cat "$out" "$err" >>"$work/words"
done
hasnt "$work/words" "claude-bottle: there is no" "every verb had its say"
search "$work/p/patterns" >"$work/found"
say "while running: $(n_files) files of ${places[*]} changed since the launch began; found: $(tr '\n' ';' <"$work/found")"
is "$(cat "$work/found")" "" "while it runs no sentinel is anywhere but in the agent and on tmpfs"
in_agent "$one" sh -c 'kill -0 1' && cb stop "$one"
is $rc 0 "stop"
cat "$out" "$err" >>"$work/words"
none_left "stop leaves nothing"
search "$work/p/patterns" >"$work/found"
say "after: $(n_files) files; found: $(tr '\n' ';' <"$work/found")"
is "$(cat "$work/found")" "" "after it was stopped no sentinel is anywhere"
kill "$watcher" 2>/dev/null
wait "$watcher" 2>/dev/null
is "$(cat "$work/cmdlines")" "" "no command line of the machine had one in all that time"

# --- a launch that fails tells nothing either ----------------------------------------------------
fault_start --fail-match POST '/exec/[0-9a-f]+/start' --nth 2 --mode error500
cd "$work/cwd" || exit 1
env "HOST_TOKEN_$tag=$hosted" timeout 160 "$python" "$tree/tests/engine/onpty.py" "$work/screen2" "paste a token: " "$work/keys/answer" \
	-- "$bottle" start "$one" --yes >"$out" 2>"$err"
rc=$?
cd "$tree" || exit 1
proxy_stop
cat "$work/screen2" >>"$work/words"
check "the release of the secrets was made to fail" test $rc -ne 0
none_left "it leaves nothing"
search "$work/p/patterns" >"$work/found"
is "$(cat "$work/found")" "" "nor a sentinel anywhere"

# --- the control ------------------------------------------------------------------------------------
echo "$control" >"$work/p/control"
docker run -d --name "cbt-secrets-$tag" --label "cbt-test=$run" --network none --entrypoint sh "$agent_image" \
	-c "echo $control >/tmp/kept; echo $control; sleep 1000" >/dev/null
until_true 60 sh -c "DOCKER_HOST=$engine docker logs cbt-secrets-$tag | grep -q control"
search "$work/p/control" >"$work/found"
say "control: $(cut -d: -f1 "$work/found" | sort | uniq -c | tr '\n' ';')"
check "control: the search finds a container's configuration" grep -q "^inspect container" "$work/found"
check "control: it finds a file in a container's upper layer" grep -q "^disk: .*/diff/tmp/kept" "$work/found"
check "control: it finds a command line" grep -q "^command line" "$work/found"
docker rm -f "cbt-secrets-$tag" >/dev/null
finish
