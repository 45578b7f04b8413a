#!/bin/bash
# From inside an agent's container, as the agent: there is no way out but the proxy,
# what is refused is refused quickly, and a session that is not isolated never starts.
#
# A service listens on the host, so that "not reached" means something: the host and a
# container elsewhere do reach it. The upstream is a container of ours in the session's
# egress network. No address outside networks of our own and TEST-NET is ever tried.
. "$(dirname "$0")/lib.sh"

one=$tag-one
cat >"$manifest" <<END
{
  "bottles": { "plain": { "env": { "SENTINEL": "kept-$tag" },
    "egress": { "allowlist": ["allowed.test"], "trusted": ["allowed.test"] } } },
  "agents": { "$one": { "bottle": "plain", "command": ["sleep", "1000"] } }
}
END

# --- the outside: a CA, an upstream, a service of the host ------------------------------
mkdir -p "$work/up"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=upstream CA $tag" -days 1 \
	-keyout "$work/ca-key.pem" -out "$work/ca.pem" 2>/dev/null &&
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=allowed.test" \
		-keyout "$work/up/key.pem" -out "$work/up.csr" 2>/dev/null &&
	openssl x509 -req -in "$work/up.csr" -CA "$work/ca.pem" -CAkey "$work/ca-key.pem" -CAcreateserial -days 1 \
		-extfile <(echo subjectAltName=DNS:allowed.test) -out "$work/up/cert.pem" 2>/dev/null || die "openssl"
export CLAUDE_BOTTLE_UPSTREAM_CA=$work/ca.pem
cat >"$work/up/serve.py" <<'END'
import http.server, ssl, sys, threading
class H(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def answer(self):
        n = int(self.headers.get("content-length", 0))
        self.rfile.read(n)
        print(self.command, self.path, flush=True)
        found = self.path.startswith("/hello")
        body = b"hello from upstream\n" if found else b"not here\n"
        self.send_response(200 if found else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    do_GET = do_POST = answer
    def log_message(self, *a): pass
plain = http.server.ThreadingHTTPServer(("", 80), H)
threading.Thread(target=plain.serve_forever, daemon=True).start()
tls = http.server.ThreadingHTTPServer(("", 443), H)
c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
c.load_cert_chain("/up/cert.pem", "/up/key.pem")
tls.socket = c.wrap_socket(tls.socket, server_side=True)
print("serving", flush=True)
tls.serve_forever()
END
"$python" - >"$work/port" <<'END' &
import socket
s = socket.socket(socket.AF_INET6)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
s.bind(("::", 0))
s.listen(64)
print(s.getsockname()[1], flush=True)
while True:
    c, _ = s.accept()
    c.close()
END
started+=($!)
until_true 60 test -s "$work/port" || die "the host's service does not start"
port=$(cat "$work/port")

cb start "$one" --yes
is $rc 0 "start"
cb start "$one" --label b --yes
is $rc 0 "start of a neighbour"
docker create --name "cbt-iso-$tag-up" --label "cbt-test=$run" --network "cb-$one-egress" --network-alias allowed.test -u 0 \
	--entrypoint python3 "$agent_image" /up/serve.py >/dev/null && docker cp "$work/up" "cbt-iso-$tag-up:/up" >/dev/null 2>&1 &&
	docker start "cbt-iso-$tag-up" >/dev/null || die "the upstream does not start"
up_says() { docker logs "cbt-iso-$tag-up" 2>&1 | grep -qE -- "$1"; }
until_true 60 up_says serving || die "the upstream does not serve"

# --- what must not be reached ---------------------------------------------------------------
cat >"$work/tries.py" <<'END'
import socket, sys, threading, time
def tcp(host, port):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    s = socket.socket(family)
    s.settimeout(6)
    s.connect((host, int(port)))
    return "REACHED"
def dns(server, port):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.IPPROTO_IP, 11, 1)  # IP_RECVERR, as every resolver does: hear of refusals
    s.settimeout(6)
    s.connect((server, int(port)))
    s.send(b"\x12\x34\1\0\0\1\0\0\0\0\0\0\4leak\4test\0\0\1\0\1")
    s.recv(512)
    return "REACHED"
def name(host, _):
    return "REACHED " + socket.getaddrinfo(host, 443)[0][4][0]
def one(kind, host, port):
    t = time.monotonic()
    try:
        got = {"tcp": tcp, "dns": dns, "name": name}[kind](host, port)
    except OSError as e:
        got = type(e).__name__ + " " + str(e)
    print("%d %s %s %s: %s" % ((time.monotonic() - t) * 1000, kind, host, port, got), flush=True)
for line in sys.stdin.read().split("\n"):
    if line:
        one(*line.split())
END
host_addresses=$(ip -4 -o addr show | awk '{ split($4, a, "/"); if (a[1] !~ /^127\./) print a[1] }' | sort -u)
address() { docker inspect -f "{{(index .NetworkSettings.Networks \"cb-$1-internal\").IPAddress}}" "cb-$1-$2"; }
gateway() { # network: the first address of its subnet
	"$python" -c "import ipaddress, sys; print(next(ipaddress.ip_network(sys.argv[1]).hosts()))" \
		"$(docker network inspect -f '{{(index .IPAM.Config 0).Subnet}}' "$1")"
}
own_gateway=$(gateway "cb-$one-internal")
{
	for a in $host_addresses; do
		echo "tcp $a $port"
		echo "tcp $a 22"
	done
	echo "tcp $own_gateway $port"
	for member in agent pipelock resolver; do
		echo "tcp $(address "$one--b" $member) 8888"
	done
	echo "dns $(address "$one--b" resolver) 53"
	echo "tcp $(docker inspect -f "{{(index .NetworkSettings.Networks \"cb-$one-egress\").IPAddress}}" "cbt-iso-$tag-up") 443"
	echo "tcp 198.51.100.7 80"
	echo "tcp 203.0.113.9 443"
	echo "tcp 169.254.169.254 80"
	echo "tcp 2001:db8::1 443"
	echo "dns 198.51.100.53 53"
	echo "dns $own_gateway 53"
	echo "name outside-$tag.test 0"
	echo "name allowed.test 0"
} >"$work/targets"
# counter-proof: from elsewhere the same service is there
for a in $host_addresses; do
	(exec 3<>"/dev/tcp/$a/$port") 2>/dev/null
	ok $? "counter-proof: the host reaches its service at $a"
done
reached=$(docker exec -i "cbt-iso-$tag-up" python3 -c "import socket; s = socket.create_connection(('$(gateway "cb-$one-egress")', $port), 5); print('REACHED')" 2>&1 | tail -n 1)
is "$reached" REACHED "counter-proof: a container on the egress network reaches it"

DOCKER_HOST=$engine timeout 200 docker cp "$work/tries.py" "cb-$one-agent:/tmp/tries.py" >/dev/null 2>&1
in_agent_i() { DOCKER_HOST=$engine timeout 200 docker exec -i -u 1000 "cb-$one-agent" "$@"; }
in_agent_i python3 /tmp/tries.py <"$work/targets" >"$work/tried" 2>"$err"
is "$(wc -l <"$work/tried")" "$(wc -l <"$work/targets")" "each was tried"
while read -r ms rest; do
	say "$ms ms: $rest"
	[ "$ms" -lt 3000 ] && ! grep -q REACHED <<<"$rest"
	ok $? "refused in under 3 s: ${rest%%: *} ($ms ms)" "$rest"
done <"$work/tried"

# --- what the process may ------------------------------------------------------------------------
in_agent "$one" cat /proc/self/status >"$work/status"
is "$(grep -E '^Cap(Inh|Prm|Eff|Bnd|Amb)' "$work/status" | awk '{print $2}' | sort -u)" 0000000000000000 "no capability in any set"
is "$(awk '/^NoNewPrivs|^Seccomp:/ {print $2}' "$work/status" | tr '\n' ' ')" "1 2 " "no new privileges, and a seccomp filter"
is "$(in_agent "$one" sh -c 'ls /var/run/docker.sock /run/docker.sock 2>/dev/null')" "" "no engine's socket"
is "$(in_agent "$one" sh -c 'echo x >/proc/sys/kernel/core_pattern' 2>&1 | grep -c -iE 'denied|read-only')" 1 "the kernel's settings cannot be written"
is "$(docker inspect -f '{{range .Mounts}}{{.Type}} {{end}}{{.HostConfig.Binds}}' "cb-$one-agent")" "[]" "nothing is mounted from the host"

# --- the proxy is the way ----------------------------------------------------------------------------
in_agent "$one" env >"$work/env"
for v in http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY; do
	check "$v names the proxy" grep -qx "$v=http://pipelock:8888" "$work/env"
done
for v in no_proxy NO_PROXY; do
	check "$v leaves the gate out" grep -q "^$v=git-gate," "$work/env"
done
is "$(in_agent "$one" curl -sS -m 10 https://allowed.test/hello 2>&1)" "hello from upstream" "https to an allowed host"
has_issuer() { in_agent "$one" curl -sSv -m 10 https://allowed.test/hello 2>&1 | grep -qE "issuer: .*claude-bottle $one"; }
check "its certificate was made by this session's CA" has_issuer
is "$(in_agent "$one" python3 -c 'import urllib.request; print(urllib.request.urlopen("https://allowed.test/hello").read().decode(), end="")' 2>&1)" \
	"hello from upstream" "Python trusts it too"
is "$(in_agent "$one" node -e 'const t = require("tls"), n = require("net").connect(8888, "pipelock", () => n.write("CONNECT allowed.test:443 HTTP/1.1\r\nHost: allowed.test:443\r\n\r\n")); n.once("data", () => { const s = t.connect({ socket: n, servername: "allowed.test" }, () => { console.log(s.authorized); process.exit(); }); s.on("error", (e) => { console.log(e.message); process.exit(); }); })' 2>&1)" \
	true "Node trusts it too"
is "$(in_agent "$one" curl -sS -m 10 http://unlisted.test/ 2>&1)" "blocked: domain not in allowlist: unlisted.test" "an unlisted host is refused with the reason"
check "and over https" sh -c "DOCKER_HOST=$engine docker exec -u 1000 cb-$one-agent curl -sS -m 10 https://unlisted.test/ 2>&1 | grep -q 403"
for a in $host_addresses 169.254.169.254 "$(address "$one--b" agent)" 127.0.0.1; do
	is "$(in_agent "$one" curl -s -m 10 --noproxy '' -o /dev/null -w '%{http_code}' "http://$a:$port/" 2>&1)" 403 "the proxy does not go to $a for the agent"
done
in_agent "$one" sh -c 'mkdir /tmp/r && cd /tmp/r && git init -q && git config user.email a@b && git config user.name a &&
	git commit -q --allow-empty -m x && git push https://allowed.test/repo.git HEAD:main' >"$out" 2>"$err"
check "a push over https to an allowed host fails" test $? -ne 0
check "with a refusal of the proxy" grep -q 403 "$err"
check "its receive-pack never arrived" sh -c "! DOCKER_HOST=$engine docker logs cbt-iso-$tag-up 2>&1 | grep -q receive-pack"
in_agent "$one" git ls-remote https://allowed.test/repo.git >"$out" 2>"$err"
check "counter-proof: a fetch's request did arrive" up_says 'GET /repo.git/info/refs\?service=git-upload-pack'
refused() { cb events --json --session "$one" && jq -es 'any(.[]; .host == "'"$1"'" and .kind == "'"$2"'")' "$out"; }
check "the unlisted host is an event" until_true 60 refused unlisted.test egress.blocked
check "the outside name is an event" until_true 60 refused "outside-$tag.test" egress.dns

# --- what others attached is theirs ---------------------------------------------------------------------
cb stop "$one--b"
is $rc 0 "stop of the neighbour"
patience=60 cb stop "$one"
check "a network that a foreign container uses cannot be removed" test $rc -eq 1
check "the foreign container still runs" test "$(docker inspect -f '{{.State.Running}}' "cbt-iso-$tag-up")" = true
docker rm -f "cbt-iso-$tag-up" >/dev/null
cb cleanup --yes
is $rc 0 "once it is gone, cleanup"
none_left "removes the rest"

# --- an engine that leaves the host reachable ----------------------------------------------------------------
reach_start
cb start "$one" --yes
is $rc 4 "a session that can reach the host is refused"
check "the message says what was reached" grep -qE "isolation checks failed: .*host-address [0-9.]+:22: reached" "$err"
is "$(grep -c "/containers/cb-$one-agent/exec" "$work/requests")" 1 "no secret was sent: there was one exec, the check"
cat "$out" "$err" >"$work/all"
hasnt "$work/all" "kept-$tag" "nor shown"
none_left "it leaves nothing"
cb start "$one" --yes --force
is $rc 0 "--force starts it all the same"
has "$err" "FORCED" "and says so loudly"
check "and which checks failed" grep -qE "FAILED: .*host-address [0-9.]+:22: reached" "$err"
cb list
check "the list marks it" grep -qE "^$one .* [0-9]+/[0-9]+ forced" "$out"
cb list --json
json "and so does its JSON" '.[0].isolation.forced and .[0].isolation.passed < .[0].isolation.total'
cb verify "$one"
is $rc 4 "verify still says that it is not isolated"
proxy_stop
cb stop "$one"
is $rc 0 "stop"
none_left "nothing is left at the end"
finish
