#!/bin/bash
# Live policy on a real session: what was refused passes once a person allows it, and is
# refused again when that is taken back or over, with no claude-bottle alive for it.
#
# The upstream is a container of ours in the session's egress network; it has two names
# that the bottle trusts to be private, and one of them is allowed at launch.
. "$(dirname "$0")/lib.sh"

one=$tag-one
two=$tag-two
cat >"$manifest" <<END
{
  "bottles": { "plain": {
    "egress": { "allowlist": ["allowed.test"], "trusted": ["allowed.test", "new.test", "other.test"] } } },
  "agents": {
    "$one": { "bottle": "plain", "command": ["sleep", "1000"] },
    "$two": { "bottle": "plain", "command": ["sleep", "1000"] } }
}
END

# --- the outside: a CA and an upstream ---------------------------------------------------
mkdir -p "$work/up"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=upstream CA $tag" -days 1 \
	-keyout "$work/ca-key.pem" -out "$work/ca.pem" 2>/dev/null &&
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=allowed.test" \
		-keyout "$work/up/key.pem" -out "$work/up.csr" 2>/dev/null &&
	openssl x509 -req -in "$work/up.csr" -CA "$work/ca.pem" -CAkey "$work/ca-key.pem" -CAcreateserial -days 1 \
		-extfile <(echo subjectAltName=DNS:allowed.test,DNS:new.test,DNS:other.test) -out "$work/up/cert.pem" 2>/dev/null || die "openssl"
export CLAUDE_BOTTLE_UPSTREAM_CA=$work/ca.pem
cat >"$work/up/serve.py" <<'END'
import http.server, ssl
class H(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "6")
        self.end_headers()
        self.wfile.write(b"hello\n")
    def log_message(self, *a): pass
class S(http.server.ThreadingHTTPServer):
    daemon_threads = True
s = S(("", 443), H)
c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
c.load_cert_chain("/up/cert.pem", "/up/key.pem")
s.socket = c.wrap_socket(s.socket, server_side=True, do_handshake_on_connect=False)
print("serving", flush=True)
s.serve_forever()
END
# In the agent: one tunnel, a request every 200 ms. Each answer is a line in the file;
# "end" when the tunnel is no more.
cat >"$work/tunnel.py" <<'END'
import http.client, sys, time
host, log = sys.argv[1], open(sys.argv[2], "w", buffering=1)
c = http.client.HTTPSConnection("pipelock", 8888, timeout=20)
c.set_tunnel(host, 443)
try:
    c.connect()
    sock = c.sock
    while True:
        c.request("GET", "/tunnel")
        r = c.getresponse()
        r.read()
        if c.sock is not sock:
            raise OSError("another tunnel")
        print(r.status, file=log)
        time.sleep(0.2)
except Exception as e:
    print("end", type(e).__name__, e, file=log)
END

cb start "$one" --yes
is $rc 0 "start"
docker create --name "cbt-policy-$tag-up" --label "cbt-test=$run" --network "cb-$one-egress" --network-alias allowed.test \
	--network-alias new.test --network-alias other.test -u 0 --entrypoint python3 "$agent_image" /up/serve.py >/dev/null &&
	docker cp "$work/up" "cbt-policy-$tag-up:/up" >/dev/null 2>&1 &&
	docker start "cbt-policy-$tag-up" >/dev/null || die "the upstream does not start"
up_says() { docker logs "cbt-policy-$tag-up" 2>&1 | grep -qE -- "$1"; }
until_true 20 up_says serving || die "the upstream does not serve"
docker cp "$work/tunnel.py" "cb-$one-agent:/tmp/tunnel.py" >/dev/null 2>&1 || die "docker cp"

# A request of the agent's: the status, 000 when the tunnel was refused.
status() { in_agent "$one" curl -s -m 15 -o /dev/null -w '%{http_code}' "https://$1/hello"; }
passes() { [ "$(status "$1")" = 200 ]; }
refused() { [ "$(status "$1")" = 000 ]; }
tunnel() { # name host
	in_agent "$one" sh -c "python3 /tmp/tunnel.py $2 /tmp/$1.log >/dev/null 2>&1 &"
	until_true 20 answers "$1" 1 || die "no tunnel to $2: $(tunnel_log "$1")"
}
tunnel_log() { in_agent "$one" cat "/tmp/$1.log"; }
answers() { [ "$(in_agent "$one" grep -c '^200' "/tmp/$1.log")" -ge "$2" ]; }
goes_on() { # name: it answers after now, in the same tunnel
	local n
	n=$(in_agent "$one" grep -c '^200' "/tmp/$1.log")
	until_true 20 answers "$1" $((n + 2)) && ! in_agent "$one" grep -q '^end' "/tmp/$1.log"
}
is_cut() { in_agent "$one" grep -q '^end' "/tmp/$1.log"; }
# What pipelock itself has in force: the last hash that it named.
hash_in_force() { docker logs "cb-$one-pipelock" 2>/dev/null | grep -E '"event":"(startup|config_reload)"' | tail -1 | jq -r .config_hash; }
live() { docker cp "cb-$one-pipelock:/etc/pipelock/$1" - | tar xO; }
live_hash() { live pipelock.yaml | sha256sum | cut -d' ' -f1; }

# --- allow, retry, revoke -----------------------------------------------------------------
check "an allowed host is reached" passes allowed.test
check "another is refused" refused new.test
tunnel kept allowed.test

cb policy "$one" --json
json "nothing was decided yet" '.generation == 0 and .changes == [] and .frozen == false and (.allowlist | index("allowed.test") != null)'

before=$(now_ms)
cb allow "$one" new.test --why "reads the manual"
took=$(($(now_ms) - before))
is $rc 0 "allow"
before=$(now_ms)
check "the agent's first retry passes" passes new.test
say "allow took $took ms; the retry $(($(now_ms) - before)) ms, a docker exec and curl included"
is "$(hash_in_force)" "$(live_hash)" "pipelock has in force what was written"
check "another tunnel lives on" goes_on kept
check "a third host is refused as before" refused other.test
cb policy "$one" --diff
has "$out" "+ new.test" "policy --diff names the host"
has "$out" "reads the manual" "and why"
recorded() { cat "$XDG_STATE_HOME"/claude-bottle/events.db* | grep -aqF -- "$1"; }
check "the decision is in the store, with its reason" recorded "reads the manual"
check "and who took it" recorded "\"by\":\"$(id -un)@"
cb allow "$one" new.test
is $rc 0 "allowing it again is no fault"
cb policy "$one" --json
json "and no change" '.generation == 1'

tunnel new new.test
cb revoke "$one" new.test
is $rc 0 "revoke"
check "new connections are refused" refused new.test
check "the tunnel that was open goes on" goes_on new
cb revoke "$one" new.test --cut
is $rc 0 "revoke --cut of what is not allowed any more"
check "cuts the tunnel that was open" until_true 60 is_cut new
check "and every other" until_true 60 is_cut kept
check "an allowed host is reached again" until_true 60 passes allowed.test
check "the revoked one is not" refused new.test
cb events --session "$one" --json
check "the cut is an event" grep -q '"kind":"policy.changed".*"rule":"tunnels_cut"' "$out"
cb revoke "$one" new.test
is $rc 1 "revoking what is not allowed fails"
cb revoke "$one" allowed.test
is $rc 0 "a host of the bottle is taken away"
check "it is refused then" refused allowed.test
cb verify "$one"
is $rc 0 "the isolation checks do not mind"
cb allow "$one" allowed.test
is $rc 0 "and given back"
check "it is reached again" until_true 60 passes allowed.test

# --- what is never offered ------------------------------------------------------------------
for host in 169.254.169.254 8.8.8.8 metadata.google.internal localhost '*.evil.test' webhook.site; do
	cb allow "$one" "$host" --yes
	is $rc 5 "allow $host is refused by policy"
done
cb allow "$one" gist.github.com
is $rc 5 "a wide host is not allowed without a word"
has "$err" "is wide" "and it is said why"
has "$err" "--yes" "and which flag says yes beforehand"
cb allow "$one" gist.github.com --yes
is $rc 0 "with it, it is"
cb allow "$tag-none" new.test
is $rc 1 "a session that does not run is none"

# --- into the manifest -----------------------------------------------------------------------
cp "$manifest" "$work/manifest.before"
cb allow "$one" saved.example.org --save
is $rc 5 "nothing is written without a word"
check "the manifest is as it was" cmp "$manifest" "$work/manifest.before"
has "$err" "+ " "what would be written is shown"
has "$err" "$two" "and which other agent gets the host too"
cb policy "$one" --json
json "nor is it allowed" '[.changes[].host] | index("saved.example.org") == null'
cb allow "$one" saved.example.org --save --yes
is $rc 0 "allow --save"
is "$(diff "$work/manifest.before" "$manifest" | grep -c '^[<>]')" 2 "one line of the manifest changes"
check "the bottle has the host" jq -e '.bottles.plain.egress.allowlist == ["allowed.test", "saved.example.org"]' "$manifest"
cb policy "$one" --json
json "and the session" '[.changes[].host] | index("saved.example.org") != null'
cb allow "$one" saved.example.org --save
is $rc 0 "again is no fault and asks nothing"

# A project's file stays trusted.
mkdir "$work/project"
cat >"$work/project/claude-bottle.json" <<END
{ "bottles": { "pb": { "egress": { "allowlist": ["allowed.test"] } } },
  "agents": { "$two": { "bottle": "pb", "command": ["sleep", "1000"] } } }
END
mv "$manifest" "$work/manifest.away"
cwd=$work/project
cb trust --yes
cb start "$two" --yes
is $rc 0 "a project's agent starts"
cb allow "$two" saved.example.org --save --yes
is $rc 0 "allow --save in a project"
check "its file has the host" grep -q saved.example.org "$work/project/claude-bottle.json"
cb check
is $rc 0 "and is sound"
cb list available --json
json "and trusted still" '[.[] | select(.agent == "'"$two"'" or .name == "'"$two"'")] | length == 1 and (.[0].state == "ok" or .[0].trusted == true)'
cb stop "$two"
unset cwd
mv "$work/manifest.away" "$manifest"

# --- for a while -----------------------------------------------------------------------------
# No claude-bottle is alive while the times end.
tunnel kept allowed.test
cb allow "$one" new.test --for 12s
is $rc 0 "allow for twelve seconds"
check "the retry passes" until_true 60 passes new.test
tunnel open new.test
cb policy "$one"
has "$out" "left" "policy says how long it lasts"
check "the time ends by itself" until_true 40 refused new.test
check "the tunnel that was open goes on" goes_on open
check "and so does another" goes_on kept
is "$(hash_in_force)" "$(live_hash)" "what the keeper wrote is in force"
cb policy "$one" --json
json "policy knows that it is over" '.foreign == false and ([.changes[].host] | index("new.test") == null)'
has <(docker logs "cb-$one-keeper" 2>&1) keeper.applied "the keeper says so"

cb allow "$one" new.test --for 15s --cut
is $rc 0 "allow for fifteen seconds, then cut"
cb allow "$one" other.test
is $rc 0 "another change meanwhile"
check "both pass" until_true 60 passes other.test
tunnel cut new.test
check "the time ends" until_true 40 is_cut cut
check "with every tunnel" until_true 60 is_cut kept
check "the host is refused" until_true 60 refused new.test
check "the other is still allowed" until_true 60 passes other.test
cb allow "$one" new.test --for 3s
is $rc 2 "a time too short to be kept is a fault"

# --- two programs at once ----------------------------------------------------------------------
for i in 1 2 3 4; do
	(cd "$work/cwd" && timeout 100 "$bottle" allow "$one" "h$i.example.org" >"$work/par.$i" 2>&1 </dev/null; echo "$?" >"$work/par.$i.rc") &
done
wait $(jobs -p | grep -vxF -f <(printf '%s\n' "${started[@]:-none}")) 2>/dev/null
is "$(cat "$work"/par.?.rc | tr '\n' ' ')" "0 0 0 0 " "four programs at once: each change is in force"
cb policy "$one" --json
json "and none undid another" '[.changes[].host] | contains(["h1.example.org", "h2.example.org", "h3.example.org", "h4.example.org"])'
is "$(hash_in_force)" "$(live_hash)" "what is written is in force"

# --- refused by pipelock ----------------------------------------------------------------------
# As if the base had been launched with one more trusted host: pipelock refuses what loosens.
put() { # file with the content of stdin
	cat >"$work/$1"
	"$python" - "$work/$1" "$1" <<'END' | docker cp - "cb-$one-pipelock:/etc/pipelock" >/dev/null
import io, sys, tarfile
data = open(sys.argv[1], "rb").read()
t = tarfile.TarInfo(sys.argv[2])
t.size, t.mode, t.uid, t.gid = len(data), 0o600, 65534, 65534
out = tarfile.open(fileobj=sys.stdout.buffer, mode="w|")
out.addfile(t, io.BytesIO(data))
out.close()
END
}
# A change writes the keeper's files of the last ten seconds anew, from the base as it is
# then: one of them would take the place of what is put here.
is_old() { [ $(($(date +%s) - $(live overlay.json | jq .written))) -gt 11 ]; }
check "no file of the keeper's is to come any more" until_true 60 is_old
live base.yaml >"$work/base.before"
sed 's/^trusted_domains:$/&\n  - "more.test"/' "$work/base.before" | put base.yaml
before_hash=$(live_hash)
cb allow "$one" refused.example.org
is $rc 5 "a change that pipelock refuses is refused"
has "$err" "trusted_domains" "with pipelock's own reason"
check "which the store has too" recorded "refused.example.org refused"
has "$err" "as it was" "and taken back"
put base.yaml <"$work/base.before"
live pipelock.yaml >"$work/live.after"
hasnt "$work/live.after" refused.example.org "the file in force does not have it"
hasnt "$work/live.after" more.test "nor what pipelock did not like"
cb policy "$one" --json
json "policy neither" '[.changes[].host] | index("refused.example.org") == null'
check "what was allowed still passes" until_true 60 passes other.test
cb allow "$one" good.example.org
is $rc 0 "a good change after it is taken"
[ "$before_hash" != "$(live_hash)" ]
ok $? "and in force"

# A file of somebody else is not built upon, but can be frozen.
live pipelock.yaml >"$work/live.good"
{ cat "$work/live.good"; echo "# mine"; } | put pipelock.yaml
cb allow "$one" later.example.org
is $rc 5 "a configuration that is not ours is not changed"
put pipelock.yaml <"$work/live.good"

# --- why -----------------------------------------------------------------------------------------
cb why "$one" "https://allowed.test/x?token=sesame-$tag"
is $rc 0 "why: an allowed host would pass"
hasnt "$err" "sesame-$tag" "the query is not shown"
cb why "$one" https://other.test/
is $rc 0 "so would one that was allowed since"
cb why "$one" https://elsewhere.example.org/ --json
is $rc 5 "another would be refused"
json "by whom and why is pipelock's own word" '.allowed == false and .scanner == "allowlist" and (.reason | contains("elsewhere.example.org")) and (.advice | length > 0)'
cb why "$one" "http://169.254.169.254/latest"
is $rc 5 "metadata is refused"
cb why "$one" "not a url"
is $rc 2 "what is no URL is a fault"

# --- an edited manifest, asked of what was recorded --------------------------------------------
jq '.bottles.plain.egress.allowlist = ["new.test"]' "$manifest" >"$work/edited.json"
cb policy test "$work/edited.json" --json
is $rc 0 "policy test"
json "what was refused and is in the edited list would pass" '.would_pass | map(.host) | index("new.test") != null'
json "what passed and is no longer in it would break" '.would_break | map(.host) | index("allowed.test") != null'
cb policy test "$manifest" --json
json "with the manifest as it is nothing breaks" '.would_break | map(.host) | index("allowed.test") == null'
echo '{ "bottles": 7 }' >"$work/edited.json"
cb policy test "$work/edited.json"
is $rc 2 "a broken file is a fault"

# --- freeze and thaw -------------------------------------------------------------------------------
cb start "$two" --yes
is $rc 0 "a second session starts"
cb freeze "$one" --why "odd pushes"
is $rc 0 "freeze"
is "$(docker inspect -f '{{.State.Status}}' "cb-$one-agent")" paused "the agent is paused"
cb list --json
json "list shows which one is frozen" '[.[] | {(.session): .frozen}] | add | .["'"$one"'"] == true and .["'"$two"'"] == false'
is_frozen() { live pipelock.yaml | grep -A1 '^kill_switch:' | grep -q 'enabled: true'; }
# The agent stands still: another container asks in its place.
asked() {
	docker run --rm --label "cbt-test=$run" --network "cb-$one-internal" --entrypoint curl "$agent_image" -s -m 10 \
		-x "http://cb-$one-pipelock:8888" -o /dev/null -w '%{http_code}' http://allowed.test/
}
is "$(asked)" 503 "pipelock refuses everything"
cb allow "$one" while-frozen.example.org --for 6s
is $rc 0 "a host can be allowed meanwhile"
ended() { docker logs "cb-$one-keeper" 2>&1 | grep -q "\"at\":$until}"; }
until=$(live overlay.json | jq '[.entries[].until] | max')
check "its end comes" until_true 20 ended
check "and does not thaw it" is_frozen
cb verify "$one"
is $rc 1 "a frozen session cannot be verified"
has "$err" "thaw it first" "and it is said what to do"
cb freeze --all
is $rc 0 "freeze all"
is "$(docker inspect -f '{{.State.Status}}' "cb-$two-agent")" paused "the second is paused too"
cb thaw "$one"
is $rc 0 "thaw"
is "$(docker inspect -f '{{.State.Status}}' "cb-$one-agent")" running "the agent goes on"
check "and reaches what it may" until_true 60 passes allowed.test
cb list --json
json "only the second is frozen now" '[.[] | {(.session): .frozen}] | add | .["'"$one"'"] == false and .["'"$two"'"] == true'

# --- the end ----------------------------------------------------------------------------------------
docker rm -f "cbt-policy-$tag-up" >/dev/null
cb stop "$two"
is $rc 0 "a frozen session is stopped"
cb stop "$one"
is $rc 0 "and the other"
none_left "nothing is left"
jq '.bottles.plain.egress.allowlist = ["new.test"]' "$manifest" >"$work/edited.json"
cb policy test "$work/edited.json" --json
json "what is gone is still judged: the store has it" '.would_pass | map(.host) | index("new.test") != null'
finish
