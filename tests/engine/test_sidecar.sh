#!/bin/bash
# The helper program in real containers: the keeper's deadlines, the agent's
# wait and release, and probes that hold in our network and fail in others.
#
# Builds two scratch images with the program (musl-gcc where it is there). What
# it makes is called cbt-sidecar-* and removed at the end. No packet leaves the
# machine: all networks are internal.
set -u
cd "$(dirname "$0")/../.." || exit 1
net=10.214.255
pre=cbt-sidecar
made=$(mktemp -d)
tests=0 failures=0

ok() { # condition-result name
	tests=$((tests + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $tests - $2"
	else
		failures=$((failures + 1))
		echo "not ok $tests - $2"
		[ ! -s "$made/last" ] || sed 's/^/# /' "$made/last"
	fi
}

clear_engine() {
	docker ps -aq --filter "name=^/$pre-" | xargs -r docker rm -f -v >/dev/null 2>&1
	docker network ls -q --filter "name=^$pre-" | xargs -r docker network rm >/dev/null 2>&1
	docker volume ls -q --filter "name=^$pre-" | xargs -r docker volume rm >/dev/null 2>&1
	docker rmi -f $pre-helper $pre-agent >/dev/null 2>&1
}
docker info >/dev/null 2>&1 || { echo "test_sidecar: no engine answers" >&2; exit 1; }
trap 'clear_engine; rm -rf "$made"' EXIT
clear_engine

# --- images ---------------------------------------------------------------------
cc=cc
command -v musl-gcc >/dev/null && cc=musl-gcc
mkdir -p "$made/img/claude-bottle" "$made/agent/bin"
$cc -static -O2 -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Werror \
	-o "$made/img/claude-bottle/helper" src/sidecar/bottle/*.c || exit 1
cat >"$made/img/Dockerfile" <<EOF
FROM scratch
COPY claude-bottle /claude-bottle
ENTRYPOINT ["/claude-bottle/helper"]
EOF
docker build -q -t $pre-helper "$made/img" >"$made/last" 2>&1 || { cat "$made/last"; exit 1; }

# An agent's image without a base: one static program says how it was called and
# with what environment; called git, it fails as git does where nothing is.
cat >"$made/agent/show.c" <<'EOF'
#include <stdio.h>
#include <string.h>
#include <unistd.h>
extern char **environ;
int main(int argc, char **argv)
{
	char cwd[256];
	if (strstr(argv[0], "git") != NULL) {
		fprintf(stderr, "fatal: repository '%s' not found\n", argv[argc - 2]);
		return 128;
	}
	printf("ran in %s:", getcwd(cwd, sizeof cwd));
	for (int i = 1; i < argc; i++)
		printf(" %s", argv[i]);
	puts("");
	for (char **e = environ; *e != NULL; e++)
		printf("env %s\n", *e);
	fflush(stdout);
	pause();
	return 0;
}
EOF
$cc -static -O2 -o "$made/agent/bin/show" "$made/agent/show.c" || exit 1
cp "$made/agent/bin/show" "$made/agent/bin/git"
cp -r "$made/img/claude-bottle" "$made/agent/claude-bottle"
cat >"$made/agent/Dockerfile" <<EOF
FROM scratch
ENV PATH=/bin
COPY bin /bin
COPY claude-bottle /claude-bottle
EOF
docker build -q -t $pre-agent "$made/agent" >"$made/last" 2>&1 || { cat "$made/last"; exit 1; }

secure=(--cap-drop ALL --security-opt no-new-privileges --init --memory 64m --pids-limit 32)
until_true() { # seconds command...
	local n=$(($1 * 10))
	shift
	until "$@"; do
		n=$((n - 1))
		[ $n -gt 0 ] || return 1
		sleep 0.1
	done
}

# --- keeper ---------------------------------------------------------------------
docker volume create -d local -o type=tmpfs -o device=tmpfs \
	-o o=size=1m,mode=0700,uid=65534,gid=65534 $pre-hold >/dev/null
docker run -d --name $pre-keeper "${secure[@]}" --user 65534 --network none \
	-v $pre-hold:/hold/pipelock $pre-helper keeper /hold/pipelock >/dev/null
due=$(($(date +%s) + 3))
mkdir -p "$made/put"
echo wide >"$made/put/pipelock.yaml"
echo narrow >"$made/put/pipelock.yaml.at-$due"
echo later >"$made/put/pipelock.yaml.at-$((due + 3600))"
tar -C "$made/put" --owner 65534 --group 65534 -cf - . | docker cp -a - $pre-keeper:/hold/pipelock
live() {
	docker cp $pre-keeper:/hold/pipelock/pipelock.yaml - 2>&1 | tar -xOf - >"$made/last" 2>&1
	grep -qx "$1" "$made/last"
}
live wide
ok $? "before the deadline the file is as it was put"
until_true 60 live narrow
ok $? "at the deadline the keeper renames the narrower file over it"
now=$(date +%s)
[ "$now" -ge "$due" ] && [ "$now" -le $((due + 3)) ]
ok $? "not before the time, and within 3 s after it"
docker cp $pre-keeper:/hold/pipelock - | tar -tf - >"$made/last"
grep -q "at-$((due + 3600))" "$made/last" && ! grep -q "at-$due\$" "$made/last"
ok $? "a later deadline is left in place"
docker logs $pre-keeper >"$made/last" 2>&1
grep -q "\"event\":\"keeper.applied\",\"file\":\"pipelock.yaml\",\"at\":$due}" "$made/last"
ok $? "the keeper says what it did in one JSON line"
start=$(date +%s%N)
docker stop -t 10 $pre-keeper >/dev/null
ms=$((($(date +%s%N) - start) / 1000000))
[ "$(docker inspect -f '{{.State.ExitCode}}' $pre-keeper)" = 0 ] && [ $ms -lt 5000 ]
ok $? "SIGTERM ends the keeper with 0, long before it would be killed ($ms ms)"

# --- entry and receive ----------------------------------------------------------
secret="s3cret-$RANDOM$RANDOM"
agent() { # name then the entry's arguments
	local name=$1
	shift
	docker run -d --name "$name" "${secure[@]}" --user 1000 --network none \
		--tmpfs /run/claude-bottle:mode=0700,uid=1000,size=2m --tmpfs /work:mode=0755,uid=1000 \
		--entrypoint /claude-bottle/helper $pre-agent entry "$@" >/dev/null
}
says() {
	docker logs "$1" >"$made/last" 2>&1
	grep -q -- "$2" "$made/last"
}
deliver() { # container then NAME=VALUE...
	local to=$1 list="$made/list"
	shift
	: >"$list"
	[ $# -eq 0 ] || printf '%s\0' "$@" >"$list"
	{ printf 'CBENV1 %d\n' "$(stat -c %s "$list")"; cat "$list"; } |
		docker exec -i --user 1000 "$to" /claude-bottle/helper receive >"$made/last" 2>&1
}
ended() { [ "$(docker inspect -f '{{.State.Running}} {{.State.ExitCode}}' "$1")" = "false $2" ]; }

agent $pre-a --dir /work/x -- show one two
sleep 3
docker logs $pre-a >"$made/last" 2>&1
[ ! -s "$made/last" ]
ok $? "nothing of the agent's runs while it waits"
deliver $pre-a "API_TOKEN=$secret" "EMPTY="
[ "$(cat "$made/last")" = ok ]
ok $? "receive prints ok"
until_true 60 says $pre-a "ran in /work/x: one two"
ok $? "the command runs in its folder with its arguments"
says $pre-a "env API_TOKEN=$secret" && says $pre-a 'env EMPTY=$'
ok $? "what was delivered is in its environment"
{ docker inspect $pre-a && docker top $pre-a; } >"$made/inspect"
grep -q '"Entrypoint"' "$made/inspect" && grep -q 'show one two' "$made/inspect" &&
	! grep -q "$secret" "$made/inspect"
ok $? "the secret is in no field of inspect and in no argv"
pid=$(docker inspect -f '{{.State.Pid}}' $pre-a)
ls -A "/proc/$pid/root/run/claude-bottle" >"$made/last" && [ ! -s "$made/last" ]
ok $? "the delivered file is gone once it was read"
agent $pre-b -- show
deliver $pre-b
until_true 60 says $pre-b "ran in"
ok $? "an empty delivery releases an agent without secrets"
agent $pre-c -- show
printf 'CBENV1 5\nA=1' | docker exec -i --user 1000 $pre-c /claude-bottle/helper receive >"$made/last" 2>&1
[ $? -eq 1 ] && sleep 2 && ! says $pre-c "ran in"
ok $? "a broken delivery releases nobody"
docker stop -t 10 $pre-c >/dev/null
ended $pre-c 143
ok $? "SIGTERM while waiting ends the agent with 143"
agent $pre-d --dir /work/repo --clone git://git-gate/none -- show
deliver $pre-d
until_true 60 ended $pre-d 1
ok $? "a failed clone ends the agent with 1"
says $pre-d "git clone git://git-gate/none ended with 128; the agent was not started" &&
	says $pre-d "fatal: repository 'git://git-gate/none' not found" && ! says $pre-d "ran in"
ok $? "what failed is said, git's own words are shown, and the agent did not start"

# --- selfcheck ------------------------------------------------------------------
docker exec --user 1000 $pre-a /claude-bottle/helper selfcheck >"$made/last" 2>&1
[ $? -eq 0 ] && grep -q '{"done":true,"passed":9,"failed":0,"warned":0}' "$made/last"
ok $? "all checks of the agent's own process hold as we run it"
docker run --rm --name $pre-loose -v /proc/version:/host/version \
	-v "$made/put:/host/put" -v "$made/put:/run/docker.sock" $pre-helper selfcheck >"$made/last" 2>&1
[ $? -eq 1 ]
ok $? "in a loose container they fail as a whole"
for check in user capabilities no-new-privileges engine-socket host-mounts helper-kept; do
	grep -q "\"check\":\"$check\",.*\"ok\":false" "$made/last"
	ok $? "counter-proof: $check fails there"
done

# --- probe ----------------------------------------------------------------------
inhibit=com.docker.network.bridge.inhibit_ipv4=true
docker network create --internal --subnet $net.0/28 -o $inhibit $pre-ours >/dev/null || exit 1
docker network create --internal --subnet $net.16/28 -o $inhibit $pre-other >/dev/null || exit 1
docker network create --internal --subnet $net.32/28 $pre-plain >/dev/null || exit 1
docker run -d --name $pre-peer "${secure[@]}" --network $pre-other --ip $net.18 $pre-helper keeper / >/dev/null
bridge=$(docker network inspect -f '{{(index .IPAM.Config 0).Gateway}}' bridge 2>/dev/null)
flags=(--host "${bridge:-172.17.0.1}" --host $net.33 --peer $net.18 --proxy $net.3:8888
	--resolver $net.4 --gate $net.5:9418)
probe() { # network address
	docker run --rm --name $pre-probe "${secure[@]}" --user 1000 --network "$1" --ip "$2" \
		--add-host pipelock:$net.3 --add-host resolver:$net.4 --add-host git-gate:$net.5 \
		--sysctl net.ipv4.neigh.eth0.retrans_time_ms=50 $pre-helper probe "${flags[@]}"
}
probe $pre-ours $net.2 >"$made/ours" 2>"$made/last"
[ $? -eq 1 ]
ok $? "without a proxy the probe as a whole fails"
cp "$made/ours" "$made/last"
alone="outside outside-ipv6 metadata host-address engine-port peer own-gateway ipv6-address
	dns-outside sibling-name gate-ssh"
for check in $alone; do
	grep -q "\"check\":\"$check\"" "$made/ours" &&
		! grep -q "\"check\":\"$check\",.*\"ok\":false" "$made/ours"
	ok $? "in our network: $check holds"
done
slow=$(for check in $alone; do grep "\"check\":\"$check\"" "$made/ours"; done |
	grep -o '"ms":[0-9]*' | cut -d: -f2 | sort -n | tail -1)
[ "$slow" -lt 1000 ]
ok $? "the slowest of them is refused in under 1 s ($slow ms)"
probe $pre-plain $net.34 >"$made/last" 2>&1
for check in outside metadata host-address engine-port peer own-gateway dns-outside; do
	grep -q "\"check\":\"$check\",.*\"ok\":false" "$made/last"
	ok $? "counter-proof: in a plain internal network $check fails"
done
grep -q '"check":"host-address","target":"'$net'.33:22","ok":false,.*refused by the other side' "$made/last"
ok $? "a refusal by the host counts as reached"
tail -1 "$made/last" | grep -q '"done":true'
ok $? "the sum is the last line"
docker run --rm --name $pre-probe $pre-helper probe --host nonsense >"$made/last" 2>&1
[ $? -eq 2 ]
ok $? "flags that cannot be used are exit 2"

echo "1..$tests"
[ $failures -eq 0 ]
