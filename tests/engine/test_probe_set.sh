#!/bin/bash
# The probe against a whole sidecar set: every must holds, and each fault that
# is planted in the set makes its own check fail.
#
# The resolver is the product's image; the proxy is the stand-in (tests/double/
# pipelock), or what PROXY_IMAGE names; the gate is a few lines of C that refuse
# as git does. Everything is called cbt-probeset-*; all networks are internal.
set -u
cd "$(dirname "$0")/../.." || exit 1
net=10.214.254
pre=cbt-probeset
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
	docker rmi -f $pre-helper $pre-proxy >/dev/null 2>&1
}
docker info >/dev/null 2>&1 || { echo "test_probe_set: no engine answers" >&2; exit 1; }
for image in claude-bottle/resolver claude-bottle/base claude-bottle/builder; do
	docker image inspect "$image" >/dev/null 2>&1 ||
		{ echo "test_probe_set: no image $image: run claude-bottle images build" >&2; exit 1; }
done
trap 'clear_engine; rm -rf "$made"' EXIT
clear_engine

# --- images ---------------------------------------------------------------------
cc=cc
command -v musl-gcc >/dev/null && cc=musl-gcc
mkdir -p "$made/img/claude-bottle"
$cc -static -O2 -std=gnu11 -D_GNU_SOURCE -o "$made/img/claude-bottle/helper" src/sidecar/bottle/*.c || exit 1
cat >"$made/gate.c" <<'EOF'
/* Port 9418: "ERR" to any request; argv[1] is what to answer instead. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
int main(int argc, char **argv)
{
	const char *say = argc > 1 ? argv[1] : "ERR access denied or repository not exported";
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(9418) };
	int s = socket(AF_INET, SOCK_STREAM, 0), c;
	char buf[1024];
	if (bind(s, (struct sockaddr *)&at, sizeof at) < 0 || listen(s, 16) < 0)
		return 1;
	while ((c = accept(s, NULL, NULL)) >= 0) {
		if (read(c, buf, sizeof buf) > 0)
			dprintf(c, "%04zx%s", strlen(say) + 4, say);
		close(c);
	}
	return 0;
}
EOF
$cc -static -O2 -o "$made/img/claude-bottle/gate" "$made/gate.c" || exit 1
printf 'FROM scratch\nCOPY claude-bottle /claude-bottle\nENTRYPOINT ["/claude-bottle/helper"]\n' >"$made/img/Dockerfile"
docker build -q -t $pre-helper "$made/img" >"$made/last" 2>&1 || { cat "$made/last"; exit 1; }
proxy_image=${PROXY_IMAGE:-$pre-proxy}
[ -n "${PROXY_IMAGE:-}" ] ||
	docker build -q -t $pre-proxy tests/double/pipelock >"$made/last" 2>&1 || { cat "$made/last"; exit 1; }

# --- files of the proxy -----------------------------------------------------------
mkdir -p "$made/etc/pipelock"
openssl ecparam -name prime256v1 -genkey -noout -out "$made/etc/pipelock/ca-key.pem" 2>/dev/null
openssl req -x509 -new -key "$made/etc/pipelock/ca-key.pem" -subj "/CN=probe set" -days 1 -out "$made/etc/pipelock/ca.pem" \
	-addext basicConstraints=critical,CA:TRUE,pathlen:0 -addext keyUsage=critical,keyCertSign 2>/dev/null
chmod 0600 "$made"/etc/pipelock/*
render() { # metrics line, DLP pattern, allowlist
	cat <<EOF
version: 1
mode: strict
api_allowlist: [$3]
trusted_domains: [allowed.test, intercepted.test]
fetch_proxy: {listen: "0.0.0.0:8888", monitoring: {max_requests_per_minute: 6000}}
$1
forward_proxy: {enabled: true, max_tunnel_seconds: 3600}
tls_interception: {enabled: true, ca_cert: /etc/pipelock/ca.pem, ca_key: /etc/pipelock/ca-key.pem, passthrough_domains: [allowed.test]}
request_body_scanning: {enabled: true, action: block}
dlp: {scan_env: false, patterns: [{name: Git Push over HTTP, regex: '$2', severity: critical}]}
taint: {enabled: false}
sentry: {enabled: false}
EOF
}

# --- the set --------------------------------------------------------------------
secure=(--cap-drop ALL --security-opt no-new-privileges --init --memory 128m --pids-limit 64)
inhibit=com.docker.network.bridge.inhibit_ipv4=true
docker network create --internal --subnet $net.0/28 -o $inhibit $pre-inside >/dev/null &&
	docker network create --internal --subnet $net.16/28 $pre-egress >/dev/null &&
	docker network create --internal --subnet $net.32/28 -o $inhibit $pre-other >/dev/null || exit 1
docker run -d --name $pre-peer "${secure[@]}" --network $pre-other --ip $net.34 $pre-helper keeper / >/dev/null
docker volume create -d local -o type=tmpfs -o device=tmpfs -o o=size=4m,mode=0700,uid=65534,gid=65534 $pre-hold >/dev/null
docker run -d --name $pre-keeper "${secure[@]}" --user 65534 --network none -v $pre-hold:/hold/pipelock \
	$pre-helper keeper /hold/pipelock >/dev/null
docker run -d --name $pre-resolver "${secure[@]}" --user 65534 --network $pre-inside --ip $net.4 \
	--sysctl net.ipv4.ip_unprivileged_port_start=0 claude-bottle/resolver >/dev/null
docker run -d --name $pre-upstream "${secure[@]}" --network $pre-egress --ip $net.19 --tmpfs /tmp claude-bottle/base \
	sh -c 'openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=allowed.test \
		-keyout /tmp/k -out /tmp/c 2>/dev/null; exec openssl s_server -accept 443 -www -cert /tmp/c -key /tmp/k' >/dev/null
put() { # the files of the proxy, through the container to the tmpfs
	tar -C "$made/etc/pipelock" --mode=0600 --owner 65534 --group 65534 -cf - $(cd "$made/etc/pipelock" && ls) |
		docker cp -a - $pre-proxy:/etc/pipelock
}
start_proxy() { # the arguments of render
	docker rm -f $pre-proxy >/dev/null 2>&1
	render "$@" >"$made/etc/pipelock/pipelock.yaml"
	chmod 0600 "$made/etc/pipelock/pipelock.yaml"
	docker create --name $pre-proxy "${secure[@]}" --user 65534 --network $pre-inside --ip $net.3 \
		-v $pre-hold:/etc/pipelock --add-host allowed.test:$net.19 --add-host intercepted.test:$net.19 \
		"$proxy_image" run --config /etc/pipelock/pipelock.yaml >/dev/null
	docker network connect $pre-egress $pre-proxy
	put
	docker start $pre-proxy >/dev/null
	for _ in $(seq 50); do
		docker exec $pre-proxy /pipelock healthcheck >/dev/null 2>&1 && return 0
		sleep 0.1
	done
	docker logs $pre-proxy
	return 1
}
start_gate() { # what to answer
	docker rm -f $pre-gate >/dev/null 2>&1
	docker run -d --name $pre-gate "${secure[@]}" --user 65533 --network $pre-inside --ip $net.5 \
		--entrypoint /claude-bottle/gate $pre-helper "$@" >/dev/null
}
flags=(--host 172.17.0.1 --host $net.17 --peer $net.34 --proxy $net.3:8888 --resolver $net.4 --gate $net.5:9418
	--allowed allowed.test --intercepted intercepted.test)
hosts=(--add-host pipelock:$net.3 --add-host resolver:$net.4 --add-host git-gate:$net.5)
probe() {
	docker run --rm --name $pre-probe "${secure[@]}" --user 1000 --network $pre-inside --ip $net.2 --dns $net.4 \
		--sysctl net.ipv4.neigh.eth0.retrans_time_ms=50 "${hosts[@]}" $pre-helper probe "${flags[@]}" >"$made/last" 2>&1
}
failed() { grep '"ok":false' "$made/last" | grep -o '"check":"[^"]*"' | cut -d'"' -f4 | sort -u | tr '\n' ' '; }
metrics='metrics_listen: "127.0.0.1:9090"'
both='allowed.test, intercepted.test'

start_proxy "$metrics" git-receive-pack "$both" && start_gate
ok $? "the set is up"
probe
rc=$?
[ $rc -eq 0 ] && [ -z "$(failed)" ]
ok $? "every check holds in a sound set"
sum=$(tail -1 "$made/last")
grep -q '"check":"allowed",.*"ok":true,"level":"warn"' "$made/last"
ok $? "the allowed host is served by itself, through the proxy"
slow=$(grep -o '"ms":[0-9]*' "$made/last" | cut -d: -f2 | sort -n | tail -1)
[ "$slow" -lt 1000 ]
ok $? "all of it within a second: $slow ms, $sum"
docker logs $pre-resolver >"$made/names" 2>&1
grep -q 'query\[A\] outside.isolation-probe.invalid' "$made/names"
ok $? "the look-up by the configured resolver came to ours, and its line is known by its zone"
docker logs $pre-proxy >"$made/lines" 2>/dev/null
grep -q 'unlisted.isolation-probe.invalid' "$made/lines" || echo "no line of the probe" >>"$made/lines"
grep '"event":"blocked"\|no line' "$made/lines" | grep -v '[./]isolation-probe' | grep -v "\"target\":\"$net.5:9418\"" |
	grep -v 'http://intercepted.test/\[redacted\]' >"$made/last"
[ ! -s "$made/last" ]
ok $? "every refusal in the proxy's log can be told as the probe's"

# --- a permission that ends on time ---------------------------------------------
due=$(($(date +%s) + 3))
cp "$made/etc/pipelock/pipelock.yaml" "$made/etc/pipelock/pipelock.yaml.at-$due"
narrow=$(sha256sum <"$made/etc/pipelock/pipelock.yaml" | cut -d' ' -f1)
render "$metrics" git-receive-pack "$both, late.test" >"$made/etc/pipelock/pipelock.yaml"
wide=$(sha256sum <"$made/etc/pipelock/pipelock.yaml" | cut -d' ' -f1)
put
in_force() {
	docker logs $pre-proxy 2>/dev/null | grep '"event":"config_reload"' >"$made/last"
	tail -1 "$made/last" | grep -q "\"config_hash\":\"$1\""
}
for _ in $(seq 30); do in_force "$wide" && break; sleep 0.1; done
in_force "$wide"
ok $? "the wider policy is in force as soon as it was put"
for _ in $(seq 80); do in_force "$narrow" && break; sleep 0.1; done
in_force "$narrow" && [ "$(date +%s)" -ge "$due" ]
ok $? "the keeper ends it on time, and the proxy follows"
rm -f "$made/etc/pipelock/"*.at-*

# --- planted faults --------------------------------------------------------------
fault() { # the checks that must fail, and no others; what it is
	local want="$1 "
	probe
	rc=$?
	[ "$(failed)" = "$want" ] && [ $rc -eq 1 ]
	ok $? "$2: $(failed)"
}
start_proxy "" git-receive-pack "$both"
fault proxy-private "a proxy that shows its numbers"
start_proxy "$metrics" nothing-of-the-kind "$both"
fault proxy-push "a proxy that lets a push over http pass"
start_proxy "$metrics" git-receive-pack "$both, '*.isolation-probe.invalid'"
fault proxy-unlisted "a proxy with too wide a list"
start_proxy "$metrics" git-receive-pack "$both"
start_gate '9f1b7e0000000000000000000000000000000000 refs/heads/main'
fault gate-unknown "a gate that serves what it does not have"
start_gate
docker rm -f $pre-resolver >/dev/null
docker run -d --name $pre-resolver "${secure[@]}" --user 65534 --network $pre-inside --ip $net.4 \
	--sysctl net.ipv4.ip_unprivileged_port_start=0 claude-bottle/resolver -k --no-resolv --no-hosts --user= --group= \
	--pid-file= --address=/isolation-probe.invalid/10.9.9.9 >/dev/null
sleep 3
fault "dns-configured dns-resolver" "a resolver that answers"
docker rm -f $pre-resolver >/dev/null
docker run -d --name $pre-resolver "${secure[@]}" --user 65534 --network $pre-inside --ip $net.4 \
	--sysctl net.ipv4.ip_unprivileged_port_start=0 claude-bottle/resolver >/dev/null
sleep 3
hosts=(--add-host pipelock:$net.3 --add-host resolver:$net.4 --add-host git-gate:$net.3)
fault sibling-name "a sibling's name with another address"
hosts=(--add-host pipelock:$net.3 --add-host resolver:$net.4 --add-host git-gate:$net.5)
docker stop -t 1 $pre-upstream >/dev/null
probe
[ $? -eq 0 ] && [ "$(failed)" = "allowed " ] && grep -q '"failed":0,"warned":1' "$made/last"
ok $? "an allowed host that is down only warns"

echo "1..$tests"
[ $failures -eq 0 ]
