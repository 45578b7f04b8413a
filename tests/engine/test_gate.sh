#!/bin/bash
# git-gate with the real gitleaks between a client and a real ssh upstream: what
# passes, what must not, and what happens when the upstream fails.
#
# The image is the product's (made when it is missing or stale; GATE_IMAGE names
# another). What the test makes is called cbt-gate-* and removed at the end; its
# networks lie in 10.214.0.0/16. Keys are made of pieces at run time, so that this
# file holds none, and all of them are looked for in the gate's log at the end.
set -u
cd "$(dirname "$0")/../.." || exit 1
pre=cbt-gate
made=$(mktemp -d)
tests=0 failures=0

ok() { # condition-result name
	tests=$((tests + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $tests - $2"
	else
		failures=$((failures + 1))
		echo "not ok $tests - $2"
		[ ! -s "$made/last" ] || tail -n 25 "$made/last" | sed 's/^/# /'
	fi
}

clear_engine() {
	docker ps -aq --filter "name=^/$pre-" | xargs -r docker rm -f -v >/dev/null 2>&1
	docker network ls -q --filter "name=^$pre-" | xargs -r docker network rm >/dev/null 2>&1
	docker rmi -f $pre-upstream >/dev/null 2>&1
}
# its names and networks are fixed, so two runs on one machine take turns
exec 8>"${TMPDIR:-/tmp}/$pre.lock"
flock -w 1800 8 || { echo "test_gate: another run does not end" >&2; exit 1; }
docker info >/dev/null 2>&1 || { echo "test_gate: no engine answers" >&2; exit 1; }
trap 'clear_engine; rm -rf "$made"' EXIT
clear_engine

# --- images, networks, upstream, client ---------------------------------------------
image=${GATE_IMAGE:-}
if [ -z "$image" ]; then
	build/claude-bottle images build git-gate >"$made/last" 2>&1 || { cat "$made/last"; exit 1; }
	image=claude-bottle/git-gate
fi
mkdir "$made/upstream"
cat >"$made/upstream/Dockerfile" <<'EOD'
FROM claude-bottle/base
RUN apt-get update -q && apt-get install -y -q git openssh-server && rm -rf /var/lib/apt/lists/* && \
    useradd --create-home --shell /bin/sh git && usermod -p '*' git && \
    mkdir -p /run/sshd /srv && chown git /srv && rm -f /etc/ssh/ssh_host_*
EOD
docker build -q -t $pre-upstream "$made/upstream" >"$made/last" 2>&1 || { cat "$made/last"; exit 1; }
docker network create --internal --subnet 10.214.0.0/28 $pre-internal >/dev/null || exit 1
docker network create --subnet 10.214.0.16/28 $pre-egress >/dev/null || exit 1

upstream() { docker exec $pre-upstream "$@"; }
docker run -d --init --name $pre-upstream --network $pre-egress --ip 10.214.0.19 $pre-upstream \
	sh -c 'while :; do /usr/sbin/sshd -D -e; sleep 0.2; done' >/dev/null
ssh-keygen -q -t ed25519 -N '' -C '' -f "$made/key"
upstream sh -c 'rm -f /etc/ssh/ssh_host_*; ssh-keygen -q -t ed25519 -N "" -f /etc/ssh/ssh_host_ed25519_key
	mkdir -p /home/git/.ssh; cat >/home/git/.ssh/authorized_keys; chown -R git /home/git/.ssh; chmod 700 /home/git/.ssh' \
	</dev/null
docker cp "$made/key.pub" $pre-upstream:/home/git/.ssh/authorized_keys >/dev/null
upstream sh -c 'chown git /home/git/.ssh/authorized_keys; chmod 600 /home/git/.ssh/authorized_keys
	cat >>/etc/ssh/sshd_config.d/t.conf </dev/null; pkill sshd || true' 2>/dev/null
up() { docker exec -u git -e HOME=/home/git $pre-upstream "$@"; }
up sh -c 'for r in proj proj2 other; do git init -q --bare -b main /srv/alice/$r.git; done
	git -C /srv/alice/proj.git config receive.advertiseAtomic true'
pinned="upstream.test $(upstream cat /etc/ssh/ssh_host_ed25519_key.pub | cut -d' ' -f1,2)"

# What a gate is started with: a folder for /etc/git-gate.
mkdir -p "$made/etc/keys" "$made/etc/known_hosts"
cp "$made/key" "$made/etc/keys/proj"
echo "$pinned" >"$made/etc/known_hosts/proj"
repo() { # name known_hosts
	printf '{"name":"%s","path":"upstream.test/alice/%s","url":"ssh://git@upstream.test/srv/alice/%s.git",' "$1" "$1" "$1"
	printf '"key":"/etc/git-gate/keys/proj","known_hosts":%s,"push":"forward"}' "$2"
}
cat >"$made/etc/gate.json" <<EOD
{"v":1,"repos":[$(repo proj '"/etc/git-gate/known_hosts/proj"'),$(repo other null)],
 "max_push_bytes":67108864,"scan_timeout_s":240,"fetch_timeout_s":30,"connect_timeout_s":2,"max_connections":16}
EOD
start_gate() { # name folder options...
	local name=$1 folder=$2
	shift 2
	docker create --init --name "$name" --network $pre-internal --cap-drop ALL --security-opt no-new-privileges \
		--memory 768m --pids-limit 256 --tmpfs /run/git-gate:uid=65533,gid=65533,mode=0700,size=256m \
		--add-host upstream.test:10.214.0.19 "$@" "$image" >/dev/null
	tar -C "$folder" --owner 65533 --group 65533 --mode 'u=rwX,go=' -cf - . | docker cp - "$name":/etc/git-gate
	[ "$name" = $pre-bad ] || docker network connect $pre-egress "$name"
	[ ! -s "$made/gitleaks" ] || docker cp "$made/gitleaks" "$name":/usr/local/bin/gitleaks >/dev/null
	docker start "$name" >/dev/null
}
log() { docker logs $pre-gate 2>/dev/null; }
until_true() { # seconds command...
	local n=$(($1 * 10))
	shift
	until "$@"; do
		n=$((n - 1))
		[ $n -gt 0 ] || return 1
		sleep 0.1
	done
}
in_log() { log | grep -q "$1"; }
# The log comes by way of the engine, and some verdicts only after the client has gone:
# what a test wants to see in it is waited for. "mark" before a push tells its verdict
# from those before it.
newest() { log | grep -E '"event":"(push|scan)[.]' | tail -n 1; }
mark() { seen=$(newest | jq -r .id); }
is_newest() { # jq-expression: the newest verdict on a push is another one, and it holds
	newest >"$made/verdict"
	jq -e --arg seen "$seen" ".id != \$seen and ($1)" "$made/verdict" >/dev/null
}
verdict() { until_true 15 is_newest "$1"; } # into $made/verdict
is_last() {
	log | tail -n 1 >"$made/last"
	jq -e "$1" "$made/last" >/dev/null
}

start_gate $pre-gate "$made/etc" --ip 10.214.0.5
until_true 60 in_log '"event":"gate.ready","scanner":"gitleaks","scanner_version":"8\.'
rc=$?
docker logs $pre-gate >"$made/last" 2>&1
ok $rc "the gate says that it is ready, with the scanner's version"
gate() { docker exec $pre-gate "$@"; }
gate sh -c 'grep -E "^(Uid|Cap|NoNewPrivs)" /proc/1/status' >"$made/last" 2>&1
[ "$(grep -c '^Cap.*0000000000000000$' "$made/last")" -eq 5 ] && grep -q 'NoNewPrivs:.1' "$made/last" &&
	grep -q '^Uid:.65533' "$made/last"
ok $? "it runs as uid 65533 without any capability"

docker run -d --init --name $pre-client --network $pre-internal --ip 10.214.0.2 --add-host git-gate:10.214.0.5 \
	-e HOME=/root $pre-upstream sleep 100000 >/dev/null
client() { docker exec "${keys[@]}" $pre-client sh -c "$1" >"$made/last" 2>&1 </dev/null; }

# --- keys, made now -------------------------------------------------------------------
pick() { # alphabet length
	LC_ALL=C tr -dc "$1" </dev/urandom | head -c "$2"
}
planted=()
keys=()
fresh_keys() { # a new pair for each case, so that no case is refused for another's sake
	K="AK""IA$(pick 'BCDFGHJKLMNPQRSTVWXYZ2-7' 16)"
	P="gh""p_$(pick 'A-Za-z0-9' 36)"
	planted+=("$K" "$P")
	keys=(-e "K=$K" -e "P=$P")
}
fresh_keys
client 'git config --global user.name Ann; git config --global user.email ann@example.test
	git config --global init.defaultBranch main; git config --global advice.detachedHead false
	git config --global protocol.version 2
	git init -q /seed; cd /seed
	printf "int main(void) { return 0; }\n" >a.c; git add .; git commit -qm "the first"
	printf "notes\n" >notes.txt; git add .; git commit -qm "the second"'
url=git://git-gate/upstream.test/alice/proj

# --- the honest way ---------------------------------------------------------------------
seen=
client "cd /seed && git push -q $url main"
ok $? "a clean push passes"
refs() { up git -C "/srv/alice/${1:-proj}.git" for-each-ref --format='%(refname) %(objectname)'; }
refs | grep -q "refs/heads/main $(docker exec $pre-client git -C /seed rev-parse main)"
ok $? "and arrives at the upstream"
verdict '.event == "push.accepted" and .commits == 2 and .repo == "proj" and .peer == "10.214.0.2" and (.id | length) > 8 and
	.refs[0].ref == "refs/heads/main" and .nfindings == 0 and .total_ms > 0 and .v == 1'
ok $? "its verdict has the documented fields"
client "rm -rf /base && git clone -q $url.git /base && cd /base && test -f notes.txt && git symbolic-ref HEAD"
ok $? "a clone by the name with .git has it"
up git -C /srv/alice/proj.git symbolic-ref HEAD refs/heads/trunk
up git -C /srv/alice/proj.git branch -q trunk main
client "git ls-remote --symref $url HEAD | grep -q refs/heads/trunk"
ok $? "HEAD follows the upstream's"
up git -C /srv/alice/proj.git symbolic-ref HEAD refs/heads/main
up git -C /srv/alice/proj.git branch -q -D trunk
client "git -c protocol.version=0 ls-remote $url >/tmp/out && ! grep -q trunk /tmp/out && grep -q main /tmp/out"
ok $? "a branch that was deleted upstream is gone here, and protocol 0 works"

pass() { # name script: from a fresh copy of the clone
	client "rm -rf /t && cp -a /base /t && cd /t && git pull -q && $2"
	ok $? "passes: $1"
}
pass "a new branch of known commits" 'git push -q origin main:refs/heads/same'
pass "deleting it again" 'git push -q origin :refs/heads/same'
pass "an annotated and a light tag" 'git tag -am "release one" v1 && git tag light && git push -q origin v1 light'
pass "a forced push" 'git checkout -qb force && git commit -q --allow-empty -m a && git push -q origin force &&
	git commit -q --amend --allow-empty -m b && ! git push -q origin force && git push -qf origin force'
pass "several refs at once" 'git commit -q --allow-empty -m x && git push -q origin HEAD:refs/heads/m1 HEAD:refs/heads/m2'
pass "checksums beside module names in go.sum and package-lock.json" '
	for m in golang.org/x/oauth2 github.com/zalando/go-keyring github.com/golang-jwt/jwt/v5 github.com/foo/token; do
		echo "$m v1.0.0 h1:$(head -c 32 /dev/urandom | base64)"; echo "$m v1.0.0/go.mod h1:$(head -c 32 /dev/urandom | base64)"
	done >go.sum
	for i in 1 2 3; do printf "\"node_modules/auth-token\": { \"integrity\": \"sha512-%s\" },\n" "$(head -c 64 /dev/urandom | base64 -w0)"; done >package-lock.json
	git add . && git commit -qm deps && git push -q origin HEAD:refs/heads/deps'
pass "binaries, UTF-16 and archives without a key" 'head -c 300000 /dev/urandom >b.bin; cp /bin/ls ls.elf
	echo "plain words" | iconv -t UTF-16 >u.txt; tar -czf t.tar.gz a.c notes.txt; gzip -c a.c >a.c.gz
	perl -MIO::Compress::Zip=:all -e "zip [q(a.c), q(notes.txt)] => q(z.zip)"
	git add . && git commit -qm bin && git push -q origin HEAD:refs/heads/bin'
pass "names with spaces, quotes, umlauts and a line feed" 'mkdir "d i r"; echo x >"d i r/ä\"q
y"; echo y >"	tab"; git add . && git commit -qm names && git push -q origin HEAD:refs/heads/names'
pass "a shallow clone's commit" "cd / && rm -rf /t && git clone -q --depth 1 $url /t && cd /t && echo s >s && git add s &&
	git commit -qm s && git push -q origin HEAD:refs/heads/shallow"
pass "a push of nothing" 'git push -q origin main'

# --- what must not pass -------------------------------------------------------------------
refuse() { # name script [event]: nothing may change anywhere
	local event=${3:-push.rejected} before after rc
	fresh_keys
	before=$(refs; gate git -C /git/upstream.test/alice/proj.git for-each-ref)
	mark
	client "rm -rf /t && cp -a /base /t && cd /t && git pull -q && { $2
	}"
	rc=$?
	after=$(refs; gate git -C /git/upstream.test/alice/proj.git for-each-ref)
	verdict ".event == \"$event\"" || rc=0
	{ cat "$made/verdict"; echo "exit $rc"; } >>"$made/last"
	[ $rc -ne 0 ] && [ "$before" = "$after" ] && grep -q '^remote: git-gate: PUSH REJECTED' "$made/last"
	ok $? "refused: $1"
	[ "$before" = "$after" ] || up git -C /srv/alice/proj.git update-ref -d refs/heads/t
}
P1='git push origin HEAD:refs/heads/t'
refuse "a key in a file" 'echo "k = $K" >.env; echo "t: $P" >ci.yml; git add . && git commit -qm x; '"$P1"
grep -qE 'remote: git-gate:   aws-access-token  ".env":1  [0-9a-f]{12}  AKIA…\(20\)' "$made/last" &&
	grep -qE 'remote: git-gate:   github-pat  "ci.yml":1  [0-9a-f]{12}  ghp_…\(40\)' "$made/last" &&
	grep -q 'PUSH REJECTED: 2 secret(s) found by gitleaks' "$made/last"
ok $? "the client is told rule, file, line, commit and a masked match"
jq -e '.nfindings == 2 and .findings[0] == {rule:"aws-access-token",file:".env",line:1,commit:.findings[0].commit,match:"AKIA…(20)",src:"diff",id:.findings[0].id} and (.findings[0].id | length) == 32' \
	"$made/verdict" >/dev/null
ok $? "and so is the verdict's reader"
refuse "a key in an older commit that a later one deletes" 'echo "$K" >f; git add f; git commit -qm a; git rm -q f; git commit -qm b; '"$P1"
refuse "a key deleted and added again" 'echo "$K" >f; git add f; git commit -qm a; git rm -q f; git commit -qm b
	echo "$K" >f; git add f; git commit -qm c; '"$P1"
refuse "a key in a commit message" 'git commit -q --allow-empty -m "use $K"; '"$P1"
refuse "a key in a message between empty commits" 'git commit -q --allow-empty -m a; git commit -q --allow-empty -m "use $K"; git commit -q --allow-empty -m b; '"$P1"
refuse "a key as the author" 'git commit -q --allow-empty --author "$P <a@b>" -m x; '"$P1"
refuse "a key in the committer's address" 'GIT_COMMITTER_EMAIL=$P git commit -q --allow-empty -m x; '"$P1"
refuse "a key in a tag's message" 'git tag -am "for $K" v9; git push origin v9'
refuse "a key in a tag of a tag" 'git tag -am "for $K" v8; git tag -am outer v9 v8; git push origin v9'
refuse "a key in a branch's name" 'git push origin HEAD:refs/heads/$K'
refuse "a key in a light tag's name" 'git push origin HEAD:refs/tags/x-$P'
refuse "a key in base64 as a branch's name" 'git push origin HEAD:refs/heads/$(printf "key %s" $P | base64 -w0 | tr -d =)'
refuse "a key in a file's name" 'mkdir d; echo x >d/$P.txt; git add .; git commit -qm x; '"$P1"
refuse "a key in a folder's name, its file empty" 'mkdir $K; : >$K/x; git add .; git commit -qm x; '"$P1"
refuse "a key as the name of a folder with nothing in it" 't=$(printf "040000 tree %s\t%s\n" $(git mktree </dev/null) $K | git mktree)
	git push origin $(git commit-tree -p main -m x $(printf "040000 tree %s\td\n" $t | git mktree)):refs/heads/t'
refuse "a key that only a merge adds" 'git checkout -qb s; echo s >s; git add s; git commit -qm s; git checkout -q main
	echo m >m; git add m; git commit -qm m; git merge -q --no-commit s; echo "$K" >evil; git add evil; git commit -qm merge; '"$P1"
refuse "a key in package-lock.json" 'echo "{ \"x\": \"$P\" }" >package-lock.json; git add .; git commit -qm x; '"$P1"
grep -q '"package-lock.json":1' "$made/last"
ok $? "with the file's name"
refuse "a key in node_modules, in a .png, in go.sum" 'mkdir -p node_modules/a; echo "$P" >node_modules/a/i.js; git add -f .; git commit -qm x; '"$P1"
refuse "a key in a file called .png" 'echo "$K" >x.png; git add .; git commit -qm x; '"$P1"
refuse "a key in go.sum" 'echo "$P" >go.sum; git add .; git commit -qm x; '"$P1"
refuse "a key where one rule's own list excuses it" 'mkdir -p @octokit/auth-token; echo "$P" >@octokit/auth-token/README.md; git add .; git commit -qm x; '"$P1"
refuse "a key in a file with NUL bytes" 'printf "\000\001%s\000\002" "$K" >b; git add b; git commit -qm x; '"$P1"
refuse "a key in a big binary" 'head -c 200000 /dev/urandom >b; printf "\000%s\000" "$K" >>b; head -c 200000 /dev/urandom >>b; git add b; git commit -qm x; '"$P1"
refuse "gitleaks:allow on the line" 'echo "k = $K # gitleaks:allow" >f; git add f; git commit -qm x; '"$P1"
refuse "a .gitleaksignore" 'echo "$K" >f; printf "f:aws-access-token:1\nd0/f:aws-access-token:1\nd1/f:aws-access-token:1\n" >.gitleaksignore; git add .; git commit -qm x; '"$P1"
refuse "an own .gitleaks.toml" 'echo "$K" >f; printf "[allowlist]\npaths = [\".*\"]\nregexes = [\".*\"]\n" >.gitleaks.toml; git add .; git commit -qm x; '"$P1"
refuse ".gitattributes that call it binary" 'echo "$K" >f; printf "* -diff -text binary\n" >.gitattributes; git add .; git commit -qm x; '"$P1"
refuse "base64" 'printf "token %s end" "$P" | base64 >f; git add f; git commit -qm x; '"$P1"
refuse "base64 of base64" 'printf "token %s end" "$P" | base64 -w0 | base64 -w0 >f; git add f; git commit -qm x; '"$P1"
# keys of which base64 is letters alone, made until there is one: gitleaks passes over that
letters() { until printf '%s' "$("$1" | base64 -w0 | tr -d =)" | tee "$made/letters" | grep -qE '^[A-Za-z]{20,}$'; do :; done; cat "$made/letters"; }
aws() { printf AKIA; LC_ALL=C tr -dc 'A-Z2-7' </dev/urandom | head -c 16; }
refuse "a key of which base64 is letters alone" "echo 'k: $(letters aws)' >f; git add f; git commit -qm x; $P1"
jq -e '.findings[0] | .file == "f" and .line == 1 and .src == "content" and .rule == "aws-access-token"' "$made/verdict" >/dev/null
ok $? "with the place, as content"
refuse "the same in a message" "git commit -q --allow-empty -m 'k: $(letters aws)'; $P1"
refuse "the same as a folder's name" "mkdir -p $(letters aws)/d; echo x >$(cat "$made/letters")/d/x; git add .; git commit -qm x; $P1"
refuse "hexadecimal" 'printf "token %s end" "$P" | od -An -tx1 -v | tr -d " \n" >f; git add f; git commit -qm x; '"$P1"
refuse "UTF-16, little endian with a mark" 'echo "key $K" | iconv -t UTF-16 >f; git add f; git commit -qm x; '"$P1"
jq -e '.findings[0].src == "content" and .findings[0].file == "f"' "$made/verdict" >/dev/null
ok $? "as found in the content"
refuse "UTF-16, big endian without a mark" 'printf "a\nkey %s\n" "$K" | iconv -t UTF-16BE >f; git add f; git commit -qm x; '"$P1"
refuse "UTF-32" 'echo "key $K" | iconv -t UTF-32 >f; git add f; git commit -qm x; '"$P1"
zip_of='perl -MIO::Compress::Zip=:all -e '\''zip [split / /, $ARGV[0]] => $ARGV[1]'\'
refuse "a zip" 'echo "k $K" >in.txt; '"$zip_of"' in.txt z.zip; rm in.txt; git add .; git commit -qm x; '"$P1"
grep -q '"z.zip!in.txt":1' "$made/last"
ok $? "with the name inside it"
refuse "a zip by another name, of a file on the scanner's list" 'echo "k $K" >yarn.lock; '"$zip_of"' yarn.lock doc.docx; rm yarn.lock; git add .; git commit -qm x; '"$P1"
refuse "a zip in a zip" 'echo "k $K" >in.txt; '"$zip_of"' in.txt i.zip; '"$zip_of"' i.zip o.zip; rm in.txt i.zip; git add .; git commit -qm x; '"$P1"
refuse "gzip" 'echo "k $K" | gzip >f.gz; git add .; git commit -qm x; '"$P1"
refuse "bzip2" 'echo "k $K" | perl -MIO::Compress::Bzip2=:all -e "bzip2 q(-) => q(f.dat)"; git add .; git commit -qm x; '"$P1"
refuse "a tar" 'head -c 5000 /dev/urandom >r; echo "k $K" >in.txt; tar -cf t.tar r in.txt; rm in.txt r; git add .; git commit -qm x; '"$P1"
refuse "a tar.gz by no telling name" 'head -c 5000 /dev/urandom >r; echo "k $K" >in.txt; tar -czf backup r in.txt; rm in.txt r; git add .; git commit -qm x; '"$P1"
refuse "a key at the end of a line of 1 MB" 'head -c 700000 /dev/urandom | base64 -w0 >f; printf " \"%s\" " "$K" >>f; head -c 3000 /dev/urandom | base64 -w0 >>f; git add f; git commit -qm x; '"$P1"
refuse "base64 in the midst of a long line" '{ printf "x=\"a"; head -c 60000 /dev/zero | tr "\000" "." ; printf "\" k=\""; { head -c 9000 /dev/zero | tr "\000" " "; printf " token %s end" "$P"; head -c 9000 /dev/zero | tr "\000" " "; } | base64 -w0; } >f; git add f; git commit -qm x; '"$P1"
refuse "a private key of 4096 bits in a long file" 'for i in $(seq 300); do echo "line $i of filler text, filler text"; done >f
	ssh-keygen -q -t rsa -b 4096 -m PEM -N "" -f k; cat k >>f; rm k k.pub; for i in $(seq 300); do echo "line $i of more"; done >>f; git add f; git commit -qm x; '"$P1"
refuse "a private key of 4096 bits on one long line" 'ssh-keygen -q -t rsa -b 4096 -m PEM -N "" -f k
	{ for i in $(seq 300); do printf "filler "; done; printf "{\"pk\":\"%s\"}" "$(awk "{ printf \"%s\\\\n\", \$0 }" k)"; for i in $(seq 900); do printf " filler"; done; } >f; rm k k.pub; git add f; git commit -qm x; '"$P1"
grep -q '  private-key  "f":1 ' "$made/last"
ok $? "as a private key"
refuse "a symbolic link's target" 'ln -s "/$P" l; git add l; git commit -qm x; '"$P1"
refuse "a submodule's URL" 'printf "[submodule \"s\"]\n\tpath = s\n\turl = https://x:%s@h.test/r\n" "$P" >.gitmodules; git add .; git commit -qm x; '"$P1"
refuse "a hostile file name" 'echo "$K" >"a
b\"c	d +++ b"; git add .; git commit -qm x; '"$P1"
refuse "a file called like the scanner's own stream" 'mkdir -p k0; echo "$K" >k0/canary; git add .; git commit -qm x; '"$P1"
refuse "text that looks like a patch" 'printf "%s\n" "diff --git a/x b/x" "--- a/x" "+++ b/x" "@@ -1,0 +1,9999999 @@" "$K" "-- " "commit 1" >f; git add f; git commit -qm x; '"$P1"
refuse "a replaced commit" 'git checkout -qb e; echo "$K" >f; git add f; git commit -qm e; e=$(git rev-parse e); git checkout -q main; git commit -q --allow-empty -m c
	git replace $e HEAD; git push origin $e:refs/heads/t'
refuse "refs/replace" 'git commit -q --allow-empty -m c; git push origin HEAD:refs/replace/$(git rev-parse HEAD)'
refuse "refs/notes" 'git notes add -m "n $K"; git push origin refs/notes/commits'
refuse "refs/for" 'git push origin HEAD:refs/for/main'
refuse "a branch called HEAD" 'git push origin HEAD:refs/heads/HEAD'
refuse "a branch called refs/heads/main" 'git push origin HEAD:refs/heads/refs/heads/main'
refuse "a tag of a blob" 'echo "$K" >f; git tag b $(git hash-object -w f); git push origin refs/tags/b'
refuse "a tag of a tree" 'git tag -am x t HEAD^{tree}; git push origin refs/tags/t'
refuse "a good and a bad branch at once" 'git commit -q --allow-empty -m good; git branch good; echo "$K" >f; git add f; git commit -qm bad; git push origin good HEAD:refs/heads/bad'
refuse "a good and a bad branch, clean and with a forbidden ref" 'git commit -q --allow-empty -m good; git push origin HEAD:refs/heads/good HEAD:refs/changes/1'
refuse "an unrelated history" 'git checkout -q --orphan o; echo "$K" >f; git add f; git commit -qm o; '"$P1"
refuse "a forced push over a good branch" 'git checkout -q origin/force; echo "$K" >f; git add f; git commit -qm x; git push -f origin HEAD:refs/heads/force'

# --- what git's own client would not say ----------------------------------------------------
# rawpush OBJECTS COMMAND...: without objects what follows is no pack; one command is "OLD NEW REF" with printf's escapes
docker exec -i $pre-client sh -c 'cat >/rawpush; chmod +x /rawpush' <<'EOD'
#!/bin/bash
export LC_ALL=C
open='git-receive-pack /upstream.test/alice/proj' objects=$1 caps=' report-status side-band-64k'
shift
exec 3<>/dev/tcp/git-gate/9418
{
	printf '%04x%s\0host=git-gate\0' $((${#open} + 19)) "$open"
	for c in "$@"; do
		printf -v c "$c"
		printf '%04x%s\0%s' $((${#c} + ${#caps} + 5)) "$c" "$caps"
	done
	printf 0000
	if [ -n "$objects" ]; then printf '%s\n' $objects | git pack-objects --revs --stdout -q; else printf '%080d' 0; fi
} >&3
timeout 120 cat <&3 | tr '\0' '\n' | sed 's/^.*git-gate: PUSH/remote: git-gate: PUSH/'
exit 1
EOD
zero=0000000000000000000000000000000000000000
# NEW:REF is an argument of git push: with colons in REF it is the object at a path of
# NEW, and that may be a commit which nobody has scanned, for a ref of any name
smuggle='git checkout -q --orphan evil; echo "$K" >f; git add f; git commit -qm evil; c=$(git rev-parse HEAD); git checkout -q main
	git update-index --add --cacheinfo 100644,$(git hash-object -w --stdin </dev/null),refs/heads/t:; a=$(git commit-tree -p main -m a $(git write-tree))
	git update-index --add --cacheinfo 160000,$c,refs/heads/x:$a; b=$(git commit-tree -p $a -m b $(git write-tree))'
refuse "a commit that a ref's name with colons leads to" "$smuggle"'; /rawpush "$b $c" "'$zero' $b refs/heads/x:$a:refs/heads/t"'
jq -e '.reason == "that is no name of a ref" and .commits == 0' "$made/verdict" >/dev/null
ok $? "as no name of a ref"
refuse "a name with a space and one with an escape" 'git commit -q --allow-empty -m x; h=$(git rev-parse HEAD); /rawpush $h "'$zero' $h refs/heads/t" "'$zero' $h refs/heads/a b\033c"'
refuse "a line feed in a name, and behind it another ref" 'git commit -q --allow-empty -m x; h=$(git rev-parse HEAD); /rawpush $h "'$zero' $h refs/heads/t\n'$zero' $h refs/for/main"'

refuse "a key beneath a commit that the push calls shallow" 'echo "$K" >f; git add f; git commit -qm a; git rm -q f; git commit -qm b; h=$(git rev-parse HEAD)
	/rawpush $h "shallow $h" "'$zero' $h refs/heads/t"'
refuse "a key in the name of a branch that is to be deleted and is not there" 'git push origin :refs/heads/$K' push.failed
fresh_keys
mark
client 'cd /base && set -- && h=$(git rev-parse HEAD); for i in $(seq 2000); do set -- "$@" "shallow $h"; done
	/rawpush "" "$@" "'$zero' $h refs/heads/t"'
verdict '.event == "push.failed" and .refs == []'
ok $? "a push whose refs come late, and then no pack, has a verdict"

# --- names in verdicts --------------------------------------------------------------------
refuse "a key in a branch's name and a file beneath it" 'mkdir $K; echo "$P" >$K/f; git add .; git commit -qm x; git push origin HEAD:refs/heads/$K'
! grep -qF "$K" "$made/verdict" && ! grep -qF "$P" "$made/verdict" &&
	jq -e '.refs[0].ref == "refs/heads/AKIA…(20)" and ([.findings[].file] | contains(["AKIA…(20)/f"]))' "$made/verdict" >/dev/null
ok $? "names that hold a key are masked in it"

# --- the upstream's part --------------------------------------------------------------------
docker exec -i -u git $pre-upstream sh -c 'cat >/srv/alice/proj.git/hooks/pre-receive; chmod +x /srv/alice/proj.git/hooks/pre-receive' <<'EOD'
#!/bin/sh
printf 'policy \033]0;title\007says \302\233no\342\200\256\n' >&2
exit 1
EOD
refuse "a push that the upstream refuses" 'git commit -q --allow-empty -m x; '"$P1" push.failed
LC_ALL=C grep -q $'\033\|\302\233\|\342\200\256' "$made/last" "$made/verdict"
[ $? -eq 1 ] && grep -q 'git-gate: upstream: policy ?\]0;title?says ?no?' "$made/last" &&
	grep -q 'the upstream refused the push: pre-receive hook declined' "$made/last"
ok $? "its words are shown without what steers a terminal"
up rm /srv/alice/proj.git/hooks/pre-receive

client 'rm -rf /t1 /t2; for i in 1 2; do cp -a /base /t$i; cd /t$i; git pull -q; git commit -q --allow-empty -m same-$i; done
	(cd /t1; git push -q origin HEAD:refs/heads/race) & a=$!; (cd /t2; git push -q origin HEAD:refs/heads/race) & b=$!
	wait $a; ra=$?; wait $b; rb=$?; echo "exits $ra $rb"; [ $((ra + rb)) -eq 1 ]'
ok $? "of two pushes at once to one branch, one wins"
client 'for i in 1 2 3 4; do rm -rf /p$i; cp -a /base /p$i; (cd /p$i; git commit -q --allow-empty -m p$i; git push -q origin HEAD:refs/heads/par$i) & pids="$pids $!"; done
	for i in 1 2 3; do (git ls-remote '"$url"' >/dev/null) & pids="$pids $!"; done; rc=0; for p in $pids; do wait $p || rc=1; done; exit $rc'
ok $? "pushes to different branches and fetches at once all pass"

for path in upstream.test/alice/proj2 upstream.test/alice/proj.gitx upstream.test/alice/proj/objects upstream.test/alice/../alice/proj \
	upstream.test/alice upstream.test/alice/proj.git/objects /etc/git-gate "~gate"; do
	client "git ls-remote git://git-gate/$path"
	[ $? -ne 0 ] && grep -q 'remote error: git-gate: no such repository\|remote error: git-gate: that is no usable' "$made/last"
	ok $? "not served: $path"
done
client 'git archive --remote git://git-gate/upstream.test/alice/proj HEAD'
[ $? -ne 0 ] && grep -q 'only fetches and pushes are served' "$made/last"
ok $? "not served: upload-archive"
client 'git ls-remote git://git-gate/upstream.test/alice/other'
grep -q 'remote error: git-gate: .*KnownHostKey' "$made/last"
ok $? "without a pinned host key nothing is served, and the message says what is missing"

docker stop -t 0 $pre-upstream >/dev/null
before=$(gate git -C /git/upstream.test/alice/proj.git for-each-ref)
start=$(date +%s%N)
client "rm -rf /d && git clone -q $url /d"
[ $? -ne 0 ] && grep -q 'git-gate: upstream unreachable; refusing to serve stale data' "$made/last"
ok $? "upstream down: a clone fails closed"
echo "# upstream down: refused in $((($(date +%s%N) - start) / 1000000)) ms"
client 'cd /t1 && git commit -q --allow-empty -m down && git push origin HEAD:refs/heads/down'
[ $? -ne 0 ] && [ "$before" = "$(gate git -C /git/upstream.test/alice/proj.git for-each-ref)" ]
ok $? "upstream down: a push changes nothing"
until_true 15 is_last '.event == "fetch.failed" and .service == "receive-pack" and .reason == "upstream unreachable"'
ok $? "upstream down: the verdict says so"
docker start $pre-upstream >/dev/null
until_true 60 client "git ls-remote $url"
ok $? "and it recovers by itself"

upstream sh -c 'mv /etc/ssh/ssh_host_ed25519_key /tmp/k; mv /etc/ssh/ssh_host_ed25519_key.pub /tmp/k.pub
	ssh-keygen -q -t ed25519 -N "" -f /etc/ssh/ssh_host_ed25519_key; kill $(cat /run/sshd.pid)'
not_pinned() {
	! client "git ls-remote $url" && grep -q "git-gate: the upstream's host key is not the pinned one; refusing" "$made/last"
}
until_true 60 not_pinned
ok $? "another host key is not taken for an outage"
until_true 15 is_last '.event == "hostkey.changed" and .service == "upload-pack" and (.detail | test("identification has changed"))'
ok $? "and has its own event"
upstream sh -c 'mv /tmp/k /etc/ssh/ssh_host_ed25519_key; mv /tmp/k.pub /etc/ssh/ssh_host_ed25519_key.pub; kill $(cat /run/sshd.pid)'
until_true 60 client "git ls-remote $url"
ok $? "with the right key it goes on"

# --- limits -----------------------------------------------------------------------------------
before=$(refs)
mark
client 'rm -rf /t && cp -a /base /t && cd /t && head -c 71000000 /dev/urandom >big && git add big && git commit -qm big && git push origin HEAD:refs/heads/big'
rc=$?
verdict '.event == "push.oversize" and .refs[0].ref == "refs/heads/big"' || rc=0
cat "$made/verdict" >>"$made/last"
[ $rc -ne 0 ] && [ "$before" = "$(refs)" ]
ok $? "a push over the limit has a verdict"
grep -q 'pack exceeds maximum allowed size' "$made/last"
ok $? "and the client is told why"
mark
client 'rm -rf /t && git init -q /t && cd /t && t=$(printf "x" | git hash-object -w --stdin) && c=$(printf "tree %s\nauthor broken\n\nx\n" $(git mktree </dev/null) | git hash-object -t commit -w --literally --stdin) && git push '"$url"' $c:refs/heads/broken'
rc=$?
verdict '.event == "push.failed" and .refs[0].ref == "refs/heads/broken"' || rc=0
cat "$made/verdict" >>"$made/last"
[ $rc -ne 0 ]
ok $? "objects that git itself refuses have a verdict"

ms() { echo $((($(date +%s%N) - $1) / 1000000)); }
figure() { # name milliseconds: of the push since "mark"
	verdict true
	echo "# $1: client $2 ms, $(jq -r '"scan \(.scan_ms) ms, forward \(.forward_ms) ms, gate \(.total_ms) ms, \(.commits) commits"' "$made/verdict")"
}
for n in 1 100 1000; do
	client "rm -rf /t && cp -a /base /t && cd /t && git pull -q && for i in \$(seq $n); do for l in \$(seq 40); do echo \"commit \$i of $n has a line \$l\"; done >file\$i; git add file\$i; git commit -qm \"number \$i\"; done"
	mark
	start=$(date +%s%N)
	client "cd /t && git push -q origin HEAD:refs/heads/bench$n"
	rc=$?
	figure "push of $n commits" "$(ms "$start")"
	ok $rc "a push of $n commits passes"
done
fresh_keys
for what in plain "with a key in its middle"; do
	insert=
	[ "$what" = plain ] || insert='printf "\"%s\"" "$K";'
	client "rm -rf /t && cp -a /base /t && cd /t && git pull -q && { head -c 15000000 /dev/urandom | base64 -w0; $insert head -c 15000000 /dev/urandom | base64 -w0; } >line && git add line && git commit -qm line"
	mark
	start=$(date +%s%N)
	client "cd /t && git push -q origin HEAD:refs/heads/line-\$(date +%N)"
	rc=$?
	figure "one line of 40 MB, $what" "$(ms "$start")"
	[ "$what" = plain ] || { jq -e '.event == "push.rejected" and .findings[0].file == "line"' "$made/verdict" >/dev/null; rc=$?; }
	ok $rc "one line of 40 MB, $what, is scanned"
done
docker exec $pre-gate sh -c 'cat /sys/fs/cgroup/memory.peak /sys/fs/cgroup/memory/memory.max_usage_in_bytes 2>/dev/null' |
	sed 's/^/# gate, peak memory in bytes: /'

# --- what is left behind ---------------------------------------------------------------------
gate sh -c 'ls -A /run/git-gate/scratch; for p in /proc/[0-9]*; do grep -H "^State:.Z" $p/status; done' >"$made/last" 2>&1
[ ! -s "$made/last" ]
ok $? "scratch is empty and no zombie is left"
log >"$made/log"
jq -ce 'select(.v == 1 and (.ts | test("^[0-9-]{10}T[0-9:]{8}[.][0-9]{3}Z$")) and .event)' "$made/log" 2>"$made/last" | wc -l >"$made/n"
[ "$(cat "$made/n")" -eq "$(wc -l <"$made/log")" ] && [ "$(cat "$made/n")" -gt 100 ]
ok $? "every line on stdout is a verdict in JSON ($(wc -l <"$made/log"))"
[ "$(LC_ALL=C awk '{ if (length($0) > m) m = length($0) } END { print m }' "$made/log")" -lt 4096 ]
ok $? "none is as long as a pipe's atomic write"
docker logs $pre-gate >"$made/log" 2>&1
printf '%s\n' "${planted[@]}" | grep -F -f - "$made/log" >"$made/last"
[ $? -eq 1 ]
ok $? "none of ${#planted[@]} keys is in the log"
docker inspect $pre-gate | grep -q 'PRIVATE KEY'
[ $? -eq 1 ]
ok $? "no key is in the container's description"

# --- a scanner that fails, in every way, fails closed ------------------------------------------
up sh -c 'cd /srv/alice/proj.git && git for-each-ref --format="delete %(refname)" "refs/heads/line-*" "refs/heads/bench*" | git update-ref --stdin'
mkdir "$made/quick"
cp -r "$made/etc/." "$made/quick"
sed -i 's/"scan_timeout_s":240/"scan_timeout_s":3/' "$made/quick/gate.json"
other_failed() {
	docker logs $pre-other 2>/dev/null | tail -n 1 >"$made/verdict"
	jq -e --arg r "$1" '.event == "scan.error" and (.reason + " " + .detail | test($r))' "$made/verdict" >/dev/null
}
broken() { # name how-gitleaks-behaves wanted-reason
	printf '%s' "$2" >"$made/gitleaks"
	[ ! -s "$made/gitleaks" ] || chmod 755 "$made/gitleaks"
	docker rm -f $pre-other >/dev/null 2>&1
	start_gate $pre-other "$made/quick" --ip 10.214.0.6
	until_true 60 sh -c "docker logs $pre-other 2>/dev/null | grep -q gate.ready"
	before=$(refs)
	client "rm -rf /t && cp -a /base /t && cd /t && git pull -q && ${4:-echo x >x} && git add . && git commit -qm x &&
		git push git://10.214.0.6/upstream.test/alice/proj HEAD:refs/heads/t"
	rc=$?
	until_true 15 other_failed "$3" || rc=0
	cat "$made/verdict" >>"$made/last"
	[ $rc -ne 0 ] && [ "$before" = "$(refs)" ]
	ok $? "fails closed: $1"
}
script='#!/bin/sh
[ "$1" = version ] && { echo 9.9.9; exit; }
while [ $# -gt 1 ]; do [ "$1" = --report-path ] && report=$2; shift; done
'
broken "a scan over its time" '' '^scan timed out' 'head -c 20000000 /dev/urandom | base64 -w0 >line'
broken "a scanner that finds nothing, not even canaries" "$script"'while read -r l <&6; do :; done 2>/dev/null; echo "[]" >$report; exit 0' 'gitleaks exited with 0'
broken "one that says that it found something, and reports nothing" "$script"'echo "[]" >$report; exit 42' 'missed a canary'
broken "one without a report" "$script"'exit 42' 'No such file'
broken "one whose report is no JSON" "$script"'echo "{" >$report; exit 42' 'not a JSON list'
broken "one that complains" "$script"'echo "9:00AM ERR something" >&2; echo "[]" >$report; exit 42' 'ERR something'
broken "one that is killed" "$script"'kill -9 $$' 'signal 9'
broken "one that hangs" "$script"'while :; do /usr/bin/sleep 1; done' '^scan timed out'
rm -f "$made/gitleaks"

# --- configurations that it does not start with ---------------------------------------------
faulty() { # name file-content wanted-text
	rm -rf "$made/bad"
	cp -r "$made/etc" "$made/bad"
	printf '%s' "$2" >"$made/bad/gate.json"
	docker rm -f $pre-bad >/dev/null 2>&1
	start_gate $pre-bad "$made/bad"
	[ "$(docker wait $pre-bad)" = 1 ]
	rc=$?
	docker logs $pre-bad >"$made/last" 2>&1
	[ $rc -eq 0 ] && grep -qF "$3" "$made/last"
	ok $? "does not start: $1"
}
faulty "no JSON" '{' 'git-gate: /etc/git-gate/gate.json: not JSON'
faulty "an unknown key" '{"v":1,"x":1,"repos":[]}' '/x: unknown key'
faulty "a hold without end" "{\"v\":1,\"repos\":[$(repo proj null | sed 's/"forward"/"hold","hold_s":99999/')]}" '/repos/0/hold_s: must be a whole number from 5 to 3600'
faulty "a key that is not there" "{\"v\":1,\"repos\":[$(repo proj null | sed 's,keys/proj,keys/none,')]}" 'private key /etc/git-gate/keys/none: No such file'

start=$(date +%s%N)
docker stop $pre-gate >/dev/null
[ "$(ms "$start")" -lt 3000 ]
ok $? "it ends at once when told to"
echo "1..$tests"
[ $failures -eq 0 ]
