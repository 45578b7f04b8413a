#!/bin/bash
# The fault proxy, with the docker CLI as its client: everything passes that is
# not meant to fail, and what is meant to fails as asked, once.
#
# What it makes is called cbt-faultproxy-* and removed at the end.
set -u
cd "$(dirname "$0")/../.." || exit 1
pre=cbt-faultproxy
work=$(mktemp -d)
sock=$work/proxy.sock log=$work/log
proxy=build/tests/faultproxy pid=
tests=0 failures=0

ok() { # result name
	tests=$((tests + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $tests - $2"
	else
		failures=$((failures + 1))
		echo "not ok $tests - $2"
		sed 's/^/# /' "$work/out" "$log" 2>/dev/null | tail -n 30
	fi
}

clear_engine() {
	docker ps -aq --filter "name=^/$pre-" | xargs -r docker rm -f -v
	docker network ls -q --filter "name=^$pre-" | xargs -r docker network rm
	docker volume ls -q --filter "name=^$pre-" | xargs -r docker volume rm
	docker rmi -f $pre-image
} >/dev/null 2>&1

stop_proxy() {
	[ -z "$pid" ] || { kill "$pid"; wait "$pid"; } 2>/dev/null
	pid=
}

start_proxy() { # options...
	stop_proxy
	rm -f "$log"
	: >"$log"
	"$proxy" "$sock" /var/run/docker.sock --log "$log" "$@" >"$work/ready" &
	pid=$!
	for _ in $(seq 100); do
		grep -q ready "$work/ready" && return
		sleep 0.05
	done
	echo "test_faultproxy: the proxy does not start" >&2
	exit 1
}

# The CLI through the proxy; its output is in $work/out.
d() { timeout 30 docker -H "unix://$sock" "$@" >"$work/out" 2>&1 </dev/null; }
count() { docker "$1" ls -q --filter "name=^$pre-$2" | wc -l; }

docker info >/dev/null 2>&1 || { echo "test_faultproxy: no engine answers" >&2; exit 1; }
trap 'stop_proxy; clear_engine; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
make -s "$proxy" || exit 1
clear_engine

# A program that sends back what it reads, and ends with the code it was given.
cat >"$work/echo.c" <<'END'
#include <stdlib.h>
#include <unistd.h>
int main(int argc, char **argv)
{
	char b[65536];
	ssize_t n;
	while ((n = read(0, b, sizeof b)) > 0)
		for (ssize_t at = 0, w; at < n; at += w)
			if ((w = write(1, b + at, (size_t)(n - at))) <= 0)
				return 1;
	return argc > 1 ? (int)strtol(argv[1], NULL, 10) : 0;
}
END
mkdir "$work/root"
cc -static -O2 -o "$work/root/echo" "$work/echo.c" || exit 1

# --- what must pass --------------------------------------------------------------
start_proxy
tar -C "$work/root" -c . | timeout 30 docker -H "unix://$sock" import - $pre-image >"$work/out" 2>&1
ok $? "a chunked upload"
d run --name $pre-exit $pre-image /echo 3
[ $? -eq 3 ]
ok $? "create, attach, wait, start and the exit code"

head -c 20000000 /dev/urandom >"$work/in"
timeout 60 docker -H "unix://$sock" run --rm -i --name $pre-echo $pre-image /echo \
	<"$work/in" >"$work/back" 2>"$work/out"
cmp -s "$work/in" "$work/back"
ok $? "20 MB both ways over a hijacked connection, ended by half a close"

d run -d -i --name $pre-long $pre-image /echo
printf 'by exec\n' | timeout 30 docker -H "unix://$sock" exec -i $pre-long /echo >"$work/out" 2>&1
[ "$(cat "$work/out")" = "by exec" ]
ok $? "exec with stdin"
d cp "$work/in" $pre-long:/in && timeout 30 docker -H "unix://$sock" cp $pre-long:/in "$work/in2" >/dev/null
cmp -s "$work/in" "$work/in2"
ok $? "archives of 20 MB in and out"
timeout 10 docker -H "unix://$sock" events >"$work/events" 2>&1 &
sleep 4
d network create --internal $pre-net
wait $!
grep -q "network create.*$pre-net" "$work/events"
ok $? "an endless stream arrives while it goes on"
for i in 1 2 3 4 5; do
	curl -s --unix-socket "$sock" http://d/_ping http://d/version http://d/_ping http://d/nothing -o /dev/null \
		-o /dev/null -o /dev/null -o /dev/null -w '%{num_connects}' >>"$work/connects" &
done
wait $(jobs -p | grep -vx "$pid")
[ "$(cat "$work/connects")" = 10001000100010001000 ]
ok $? "requests one after another on kept connections, five at a time"
grep -Eq '^[0-9]+ GET /nothing 404$' "$log" && [ "$(grep -c ' GET /_ping 200$' "$log")" -ge 10 ]
ok $? "the log tells method, target and status"
[ "$(cut -d' ' -f1 "$log" | sort -n | uniq -d | wc -l)" -eq 0 ] && [ "$(sort -n "$log" | head -n 1 | cut -d' ' -f1)" = 1 ]
ok $? "each request has a number of its own, from 1"
d rm -f $pre-long $pre-exit

# --- error500 ----------------------------------------------------------------------
start_proxy --fail-match POST '/volumes/create' --nth 2
d volume create $pre-one && ! d volume create $pre-two && grep -q 'injected fault' "$work/out"
ok $? "the second request of a kind is answered 500"
[ "$(count volume two)" -eq 0 ] && [ "$(count volume one)" -eq 1 ]
ok $? "the engine never saw it"
d volume create $pre-two
ok $? "the third passes again"
grep -q 'POST /v[0-9.]*/volumes/create injected-500$' "$log"
ok $? "the log says which was injected"
start_proxy --fail-match '*' '_ping|import|images/create' --nth 0
! tar -C "$work/root" -c . | timeout 30 docker -H "unix://$sock" import - $pre-none >"$work/out" 2>&1
ok $? "--nth 0 fails each"
start_proxy --fail 1
codes=$(curl -s --unix-socket "$sock" -X POST --data-binary @"$work/in" -H 'Expect: 100-continue' -o /dev/null \
	http://d/a --next -s --unix-socket "$sock" http://d/_ping -w '%{http_code}')
[ "$codes" = OK200 ] && grep -q '^1 POST /a injected-500$' "$log"
ok $? "a client that waits for 100 gets its answer, too"

# --- drop ----------------------------------------------------------------------------
start_proxy --fail-match POST '/volumes/create' --mode drop
! d volume create $pre-three && ! grep -q injected "$work/out"
ok $? "drop: the client gets no answer"
[ "$(count volume three)" -eq 1 ] && grep -q ' dropped$' "$log"
ok $? "but the engine did it"
start_proxy --fail-match POST '/start$' --mode drop
! d run -d --name $pre-dropped $pre-image /echo && [ "$(docker inspect -f '{{.State.StartedAt}}' $pre-dropped | cut -c1-4)" != 0001 ]
ok $? "a container is started and nobody hears of it"

# --- hang and stall ------------------------------------------------------------------
start_proxy --fail-match POST '/volumes/create' --mode hang
timeout 1.5 docker -H "unix://$sock" volume create $pre-four >"$work/out" 2>&1
[ $? -eq 124 ] && [ "$(count volume four)" -eq 0 ] && grep -q ' hung$' "$log"
ok $? "hang: no answer, and the engine never saw it"
d volume create $pre-four
ok $? "others are served meanwhile and after"
start_proxy --fail-match POST '/volumes/create' --mode stall
timeout 1.5 docker -H "unix://$sock" volume create $pre-five >"$work/out" 2>&1
[ $? -eq 124 ] && [ "$(count volume five)" -eq 1 ] && grep -q ' stalled$' "$log"
ok $? "stall: no answer, but the engine did it"

stop_proxy
[ ! -e "$sock" ]
ok $? "its socket goes with it"
echo "1..$tests"
[ $failures -eq 0 ]
