#!/bin/bash
# Push review on a real session, with the real gitleaks and a real ssh upstream: what
# the gate writes down of a push, pushes that wait for a person, and false alarms.
# Secrets are made here of pieces, and looked for at the end in everything that the
# gate tells anybody.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/model.sh"	# for its terminals

need_gate
timeout 900 "$bottle" images build demo-upstream >"$work/images" 2>&1 </dev/null || die "the upstream's image cannot be made: $(tail -n 3 "$work/images")"
upstream_image=$("$bottle" images list --json 2>/dev/null | jq -r '.[] | select(.name == "demo-upstream") | .ref')
host=$(ip -4 -o addr show docker0 | awk '{ split($4, a, "/"); print a[1]; exit }')
[ -n "$host" ] || die "docker0 has no address"
port=$("$python" -c "import socket; s = socket.socket(); s.bind(('$host', 0)); print(s.getsockname()[1])")
mkdir -p "$work/ssh"
ssh-keygen -q -t ed25519 -N '' -C '' -f "$work/ssh/ssh_host_key" && ssh-keygen -q -t ed25519 -N '' -C '' -f "$work/id" &&
	cp "$work/id.pub" "$work/ssh/authorized_keys" || die "ssh-keygen"
up=cbt-hold-$tag-git
docker create --name "$up" --label "cbt-test=$run" --network host -u git "$upstream_image" \
	/usr/sbin/sshd -D -e -f /usr/local/lib/demo-upstream/sshd_config -o "ListenAddress=$host:$port" >/dev/null &&
	tar -C "$work/ssh" -c --owner 1000 --group 1000 . | docker cp - "$up:/etc/demo-upstream" >/dev/null 2>&1 &&
	docker start "$up" >/dev/null || die "the upstream does not start"
until_true 60 "$python" -c "import socket; socket.create_connection(('$host', $port), 1)" || die "sshd does not listen"
upstream() { docker exec -u git "$up" "$@"; }
upstream git clone -q --bare /home/git/demo.git /home/git/free.git || die "no second repository"

entry() { # name path more
	printf '{ "Name": "%s", "Upstream": "ssh://git@git.test:%s/home/git/%s.git", "IdentityFile": "%s", "KnownHostKey": "%s", "ExtraHosts": { "git.test": "%s" }%s }' \
		"$1" "$port" "$2" "$work/id" "$(cut -d' ' -f1,2 "$work/ssh/ssh_host_key.pub")" "$host" "$3"
}
s=$tag-hold
cat >"$manifest" <<END
{ "bottles": { "gated": { "git": [ $(entry held demo ', "push": "hold", "hold_seconds": 600'), $(entry free free '') ] },
    "quick": { "git": [ $(entry held demo ', "push": "hold", "hold_seconds": 5') ] } },
  "agents": { "$s": { "bottle": "gated", "command": ["sleep", "10000"], "workspace": { "clone": "held" } },
    "$tag-quick": { "bottle": "quick", "command": ["sleep", "10000"] } } }
END
cb start "$s" --yes
is $rc 0 "a session starts whose pushes are held" || finish
has "$err" "home/git/demo.git (pushes wait for you)" "the preflight says that they are"
check "its clone arrives" until_true 60 in_agent "$s" test -f /workspace/README
agent() { in_agent "$s" sh -c "$1"; }
gate() { docker exec "cb-$s-git-gate" "$@"; }
held=git://git-gate/git.test_$port/home/git/demo free=git://git-gate/git.test_$port/home/git/free
agent "git config --global user.name Ann; git config --global user.email ann@example.test; git config --global advice.detachedHead false
	git config --global init.defaultBranch main; cd /workspace && git checkout -q -B main && git clone -q $free /workspace/free" || die "no work tree"

# --- helpers ---------------------------------------------------------------------------
pick() { LC_ALL=C tr -dc "$1" </dev/urandom | head -c "$2"; }
planted=()
fresh_keys() {
	K="AK""IA$(pick 'BCDFGHJKLMNPQRSTVWXYZ2-7' 16)"
	P="gh""p_$(pick 'A-Za-z0-9' 36)"
	planted+=("$K" "$P" "$(printf '%s' "$K" | base64 | cut -c1-24)")
}
# push NAME COMMAND...: in the background; $work/NAME.said is what git says, NAME.rc its end
push() {
	local name=$1
	rm -f "$work/$name.rc" "$work/$name.said"
	(
		timeout 300 docker exec -u 1000 "cb-$s-agent" sh -c "$2" >"$work/$name.said" 2>&1 </dev/null
		echo $? >"$work/$name.rc"
	) &
	started+=($!)
}
ended() { test -s "$work/$1.rc"; }
end_of() { # name: its exit code
	until_true 120 ended "$1"
	cat "$work/$1.rc" 2>/dev/null || echo none
	cat "$work/$1.said" >"$err" 2>/dev/null
}
has_held() { # count: so many pushes wait
	cb pushes "$s" --json && [ "$(jq '[.[] | select(.state == "held")] | length' "$out")" = "$1" ]
}
held_id() { # text in a commit's subject
	cb pushes "$s" --json
	jq -r --arg t "$1" '[.[] | select(.state == "held" and any(.commits[]; .subject | contains($t)))][0].id // "none"' "$out"
}
state_of() { cb push show "$s" "$1" --json && jq -r .state "$out"; }
refs_at() { upstream git -C "/home/git/$1.git" for-each-ref --format='%(refname) %(objectname)'; }
gate_refs() { gate git -C "/git/git.test_$port/home/git/$1.git" for-each-ref --format='%(refname) %(objectname)'; }
# The held repository's refs, as the upstream has them, the gate, and whoever fetches.
# A fetch moves the gate's refs to the upstream's, so it comes last.
seen_upstream() { refs_at demo | sort; }
seen_gate() { gate_refs demo | sort; }
seen_fetching() { agent "git ls-remote --heads --tags $held" | awk '{ print $2, $1 }' | sort; }
have_all() { # refs name
	is "$(seen_upstream)" "$1" "$2: the upstream's refs"
	is "$(seen_gate)" "$1" "$2: the gate's refs"
	is "$(seen_fetching)" "$1" "$2: what a fetch sees"
}
with_ref() { # refs ref id: and that one
	printf '%s\n%s %s\n' "$1" "$2" "$3" | sort
}
id_of() { agent "git -C /workspace rev-parse $1"; }
not_served() { # object name
	agent "rm -rf /tmp/probe && git init -q /tmp/probe && git -C /tmp/probe fetch -q $held $1" >"$err" 2>&1
	has "$err" "not our ref $1" "$2"
}
events_have() { cb events --json --session "$s" && jq -es "any(.[]; $1)" "$out" >/dev/null; }
event() { check "$2" until_true 60 events_have "$1"; }
commit() { # text: the command line for a commit in the work tree
	printf 'cd /workspace && echo "%s" >>work.txt && git add work.txt && git commit -qm "%s"' "$1" "$1"
}

# --- a push that waits, and is approved ----------------------------------------------------
before=$(refs_at demo)
push one "$(commit 'the first one') && git push $held main"
check "a clean push waits" until_true 60 has_held 1
id=$(held_id 'the first one')
says() { grep -q "$1" "$work/$2.said"; }
check "the agent's git says what it waits for" until_true 60 says "PUSH HELD: push $id waits for a person" one
cb push show "$s" "$id"
has "$out" "the first one" "its commit is shown"
has "$out" "Ann <ann@example.test>  +1 -0" "with its author and how much it changes"
cb push show "$s" "$id" --diff
has "$out" "+the first one" "and so is its diff"
event '.kind == "push.held" and .verdict == "hold" and .detail.hold_s == 600' "that it waits is an event"
is "$(refs_at demo)" "$before" "the upstream has nothing of it"
have_all "$(sort <<<"$before")" "while it waits"
not_served "$(id_of main)" "and its commit cannot be fetched"
agent "cd /workspace/free && git fetch -q $held main" >"$err" 2>&1
is $? 0 "the repository is not locked meanwhile"
cb push approve "$s" "$id"
is $rc 5 "without a terminal an approval needs --yes"
is "$(state_of "$id")" held "and it still waits"
gate git-gate approve "$id" eve "" "$(printf 'f%.0s' $(seq 40))" >"$out" 2>"$err"
is $? 5 "an approval of other ids than those that wait is refused"
is "$(state_of "$id")" held "and changes nothing"
cb push approve "$s" "${id:0:8}" --yes --why 'I read it'
is $rc 0 "it is approved"
is "$(end_of one)" 0 "and the agent's push succeeds"
is "$(upstream git -C /home/git/demo.git log -1 --format=%s main)" "the first one" "the upstream has it"
is "$(state_of "$id")" accepted "its record says so"
event '.kind == "policy.changed" and .source == "git-gate" and (.summary | contains("approved the push of main: I read it"))' "the decision is an event, with its why"
event ".kind == \"push.accepted\" and .detail.by == \"$(id -un)\"" "that it arrived is an event, with who let it"
cb push approve "$s" "$id" --yes
is $rc 5 "what is over cannot be approved again"

# --- rejected ---------------------------------------------------------------------------------
before=$(seen_upstream)
push two "$(commit 'the second one') && git push $held main"
until_true 60 has_held 1
id=$(held_id 'the second one')
cb push reject "$s" "$id" --message "$(printf 'split it up\nand \033[31msay why')"
is $rc 0 "a push is rejected"
is "$(end_of two)" 1 "and the agent's push fails"
has "$work/two.said" "split it up" "its git shows the message"
hasnt "$work/two.said" "$(printf '\033')" "made harmless"
has "$work/two.said" "rejected by $(id -un)" "and who said it"
have_all "$before" "after the rejection"
event '.kind == "push.rejected" and (.detail.message | startswith("split it up"))' "it is an event"

# --- the client goes away -------------------------------------------------------------------------
push three "cd /workspace && exec git push $held main"
until_true 60 has_held 1
id=$(held_id 'the second one')
agent 'pkill -KILL -f "^git push"; pkill -KILL git' 
is "$(end_of three)" 137 "a client goes away while it waits"
is_state() { [ "$(state_of "$1")" = "$2" ]; }
check "the push is cancelled then" until_true 60 is_state "$id" cancelled
cb push approve "$s" "$id" --yes
is $rc 5 "and cannot be approved"
event '.kind == "push.failed" and (.summary | contains("the client went away"))' "it is an event"
have_all "$before" "after the client went away"

# --- two at once --------------------------------------------------------------------------------------
push four "cd /workspace && git push $held main:refs/heads/left"
until_true 40 has_held 1
push five "$(commit 'the third one') && git push $held main:refs/heads/right"
check "two pushes wait at once" until_true 40 has_held 2
right=$(held_id 'the third one')
cb pushes "$s" --json
left=$(jq -r --arg r "$right" '[.[] | select(.state == "held" and .id != $r)][0].id' "$out")
cb push approve "$s" "$right" --yes
is "$(end_of five)" 0 "the later one is approved first"
is "$(state_of "$left")" held "the other goes on waiting"
cb push approve "$s" "$left" --yes
is "$(end_of four)" 0 "and is approved too"
refs_at demo >"$out"
check "both arrived" grep -q refs/heads/left "$out"
agent "cd /workspace && for c in six seven; do git commit -q --allow-empty -m \$c && git branch \$c; done"
push six "cd /workspace && git push $held six:refs/heads/left"
until_true 40 has_held 1
push seven "cd /workspace && git push $held seven:refs/heads/left"
check "two to one branch wait" until_true 40 has_held 2
first=$(cb pushes "$s" --json; jq -r '[.[] | select(.state == "held")][0].id' "$out")
second=$(jq -r '[.[] | select(.state == "held")][1].id' "$out")
cb push approve "$s" "$second" --yes
is $rc 0 "the one is approved"
cb push approve "$s" "$first" --yes
is $rc 1 "the other comes too late for the branch"
has "$err" "the upstream moved on while the push waited" "and says so"
end_of six >/dev/null
end_of seven >/dev/null

# one approved and the other rejected, both at the same moment
decide_both() { # id to approve, id to reject
	(cd "$work/cwd" && timeout 150 "$bottle" push reject "$s" "$2" --message 'not this one') >"$work/rejected" 2>&1 </dev/null &
	local other=$!
	cb push approve "$s" "$1" --yes
	wait $other
}
apart_from() { # branch of the one, branch of the other
	local before yes no
	agent "cd /workspace && git checkout -q -B yes main && git commit -q --allow-empty -m 'yes to $1' &&
		git checkout -q -B no main && git commit -q --allow-empty -m 'no to $2' && git checkout -q main" || die "no commits"
	before=$(seen_upstream)
	push yes "cd /workspace && git push $held yes:refs/heads/$1"
	push no "cd /workspace && git push $held no:refs/heads/$2"
	check "two wait at once, for $1 and $2" until_true 60 has_held 2
	yes=$(held_id "yes to $1") no=$(held_id "no to $2")
	have_all "$before" "while both wait"
	decide_both "$yes" "$no"
	is $rc 0 "the one is approved"
	is "$(end_of yes)" 0 "and its client told so"
	is "$(end_of no)" 1 "the other is rejected"
	has "$work/no.said" "not this one" "for the person's reason"
	is "$(state_of "$yes") $(state_of "$no")" "accepted rejected" "their records say so"
	have_all "$(with_ref "$before" "refs/heads/$1" "$(id_of yes)")" "after both decisions"
	not_served "$(id_of no)" "the rejected one cannot be fetched"
}
apart_from apart-yes apart-no
apart_from both both

# --- the upstream moves or refuses while a push waits -----------------------------------------------------
upstream sh -c "cd /home/git/demo.git && git branch moved main" || die "no branch"
push moved "$(commit 'mine') && git push $held main:refs/heads/moved"
check "a push to a branch waits" until_true 60 has_held 1
upstream sh -c 'cd /home/git/demo.git && git update-ref refs/heads/moved \
	"$(git -c user.name=x -c user.email=x@x commit-tree -p moved -m theirs "moved^{tree}")"' || die "no commit"
before=$(seen_upstream)
cb push approve "$s" "$(held_id mine)" --yes
is $rc 1 "an approved push to a branch that somebody else moved has failed"
has "$err" "the upstream moved on while the push waited" "for that reason"
is "$(end_of moved)" 1 "the agent's push fails"
have_all "$before" "after it"
push forced "cd /workspace && git push --force $held main:refs/heads/moved"
check "a forced push waits" until_true 60 has_held 1
cb push show "$s" "$(held_id mine)"
has "$out" "forced: throws away 1 commit" "and shows what it throws away"
upstream git -C /home/git/demo.git config receive.denyNonFastForwards true
cb push approve "$s" "$(held_id mine)" --yes
is $rc 1 "an approved push that throws away what the upstream keeps has failed"
has "$err" "the upstream refused the push: non-fast-forward" "for the upstream's reason"
is "$(end_of forced)" 1 "the agent's push fails"
have_all "$before" "after it"
upstream git -C /home/git/demo.git config --unset receive.denyNonFastForwards
push rewound "cd /workspace && git push --force $held main~2:refs/heads/moved"
check "a push of old commits alone waits" until_true 60 has_held 1
cb pushes "$s" --json
id=$(jq -r '[.[] | select(.state == "held")][0].id' "$out")
is "$(jq -r --arg id "$id" '.[] | select(.id == $id) | "\(.ncommits) \(.refs[0].gained > 0) \(.refs[0].lost > 0)"' "$out")" "0 true true" "its record says what it does without any of its own"
cb push show "$s" "$id"
has "$out" "forced: throws away 1 commit, takes in" "and so does whoever shows it"
has "$out" "that the upstream has already" "in words"
cb push reject "$s" "$id"
is "$(end_of rewound)" 1 "it is rejected"
have_all "$before" "after that"
push pair "cd /workspace && git push $held main:refs/heads/pair-1 main:refs/heads/pair-2"
check "a push of two branches waits" until_true 60 has_held 1
upstream sh -c 'cd /home/git/demo.git/hooks && printf "%s\n" "#!/bin/sh" "case \$1 in *pair-2) echo no pairs here >&2; exit 1 ;; esac" >update && chmod +x update'
cb push approve "$s" "$(held_id mine)" --yes
is $rc 1 "when the upstream refuses one of two branches, the push has failed"
is "$(end_of pair)" 1 "the agent's push fails"
has "$work/pair.said" "no pairs here" "its git shows why"
have_all "$before" "neither has moved"
upstream rm /home/git/demo.git/hooks/update

push eight "$(commit 'the fourth one') && git push $held main:refs/heads/new"
check "another push waits" until_true 60 has_held 1
upstream sh -c 'printf "#!/bin/sh\necho not today >&2; exit 1\n" >/home/git/demo.git/hooks/pre-receive; chmod +x /home/git/demo.git/hooks/pre-receive'
before=$(seen_upstream)
cb push approve "$s" "$(held_id 'the fourth one')" --yes
is $rc 1 "an approved push that the upstream refuses has failed"
has "$err" "the upstream refused the push" "for that reason"
is "$(end_of eight)" 1 "the agent's push fails"
has "$work/eight.said" "not today" "its git shows what the upstream said"
have_all "$before" "after it"
upstream rm /home/git/demo.git/hooks/pre-receive
push eight "cd /workspace && git push $held main:refs/heads/new"
check "the same push may be tried again" until_true 60 has_held 1
cb push approve "$s" "$(held_id 'the fourth one')" --yes
is "$rc $(end_of eight)" "0 0" "and arrives, now that nothing refuses it"
have_all "$(with_ref "$before" refs/heads/new "$(id_of main)")" "after that"

# --- what is written down of pushes that are not held: masked, bounded -------------------------------------
fresh_keys
pem=$(openssl genrsa -traditional 2048 2>/dev/null)
pem_line=$(printf '%s\n' "$pem" | sed -n 9p)
planted+=("$pem_line" "$(printf '%s\n' "$pem" | sed -n 3p)")
docker exec -i -u 1000 "cb-$s-agent" sh -c 'cat >/workspace/free/id.pem' <<<"$pem"
in_free() { docker exec -u 1000 -e "K=$K" -e "P=$P" "cb-$s-agent" sh -c "cd /workspace/free && $1" >"$out" 2>"$err"; }
in_free 'git checkout -qb secrets && echo "a = \"$K\"" >a.txt && mkdir -p "d/$P" && echo x >"d/$P/f" && git add a.txt d &&
	git commit -qm "uses $K" && echo "$K" | base64 >enc.txt && git add enc.txt && git commit -qm "a base64 of it" &&
	sed -i "s/^a = /b = /" a.txt && echo more >>a.txt && git commit -qam "moved" && git add id.pem && git commit -qm pem &&
	sed -i "12s/.*/edited/" id.pem && git commit -qam "in the middle of it" && git push origin secrets'
is $? 1 "a push with secrets everywhere is rejected"
last_of() { cb pushes "$s" --json; jq -r "[.[] | select(.repo == \"free\" and .state == \"$1\")][-1].id" "$out"; }
id=$(last_of rejected)
cb push show "$s" "$id" --json --diff
json "its record has commits, findings and a diff" '.state == "rejected" and .ncommits == 5 and (.findings | length) > 2 and (.diff | length) > 200'
json "its findings have a place and a masked match" 'any(.findings[]; .file == "a.txt" and .line == 1 and (.match | endswith("(20)")) and (.id | length) == 32)'
cp "$out" "$work/shown"
cb push show "$s" "$id" --diff
has "$out" "<== aws-access-token" "the line of a finding is marked"

in_free 'git push origin secrets:refs/notes/secrets'
is $? 1 "a push that is refused before the scan"
cb push show "$s" "$(last_of rejected)" --json --diff
json "is written down without anything that nobody looked at" '.reason == "only refs/heads/ and refs/tags/ may be pushed" and .commits == [] and .diff == null'

# what a person would not see of a line counts as not shown
in_free 'git checkout -q -B wide origin/main && { head -c 3000 /dev/zero | tr "\0" " "; echo "rm -rf /"; } >wide.txt && git add wide.txt && git commit -qm wide && git push -q origin wide'
is $? 0 "a line of 3000 spaces and more passes"
cb push show "$s" "$(last_of accepted)" --json --diff
json "its diff does not show the end of the line, and says so" '.diff_cut and (.diff | contains("rm -rf") | not)'

in_free 'git push origin $(seq -f "HEAD:refs/heads/many-%g" 600)'
is $? 1 "a push of 600 branches is refused"
cb pushes "$s" --json
json "the list of pushes can be read all the same" '.[-1] | .state == "rejected" and (.refs | length) == 500'

# a secret that upstream has had for long, in the lines around a change
fresh_keys
upstream sh -c "cd /tmp && rm -rf old && git clone -q /home/git/free.git old && cd old && printf 'one\nkey = \"$K\"\nthree\n' >old.txt &&
	git add . && git -c user.name=x -c user.email=x@x commit -qm old && git push -q origin HEAD:main" || die "no old secret"
in_free 'git fetch -q origin && git checkout -q -B after origin/main && sed -i s/three/four/ old.txt && git commit -qam "beside it" && git push -q origin after'
is $? 0 "a clean change beside an old secret passes"
id=$(last_of accepted)
cb push show "$s" "$id" --json --diff
json "and is written down too" '.state == "accepted" and (.diff | contains("-three"))'
hasnt "$out" "$K" "the old secret in the lines around it is masked"

# --- a false alarm --------------------------------------------------------------------------------------------
fresh_keys
in_free 'git checkout -q -B alarm origin/main && echo "example = $K" >ex.txt && git add ex.txt && git commit -qm example && git push origin alarm'
is $? 1 "a false alarm is rejected"
id=$(last_of rejected)
cb push accept "$s" "$id" 9
is $rc 1 "a finding that is not there cannot be accepted"
cb push accept "$s" "$id" 1 --why 'made up'
is $rc 0 "a person accepts the finding"
event ".kind == \"policy.changed\" and (.summary | contains(\"$(id -un) accepted a finding for one push of alarm\")) and .detail.message == \"made up\"" "that is an event"
in_free 'echo "p = $P" >other.txt && git add other.txt && git commit -qm other && git push origin alarm'
is $? 1 "with another finding beside it, it does not pass"
in_free 'git reset -q --hard HEAD~1 && git push origin alarm:refs/heads/elsewhere'
is $? 1 "nor to another branch"
in_free 'git push origin alarm'
is $? 0 "the next push with exactly that finding passes"
has "$err" "accepted by $(id -un) for this push" "and says why"
event '.kind == "push.accepted" and .detail.nfindings == 1 and (.detail.findings[0].accepted_by | length) > 0' "the verdict shows it"
in_free 'git push -q origin :alarm && git push origin alarm'
is $? 1 "then the acceptance is used up"

# the same of a push that is held: a person sees the finding, and turning it down uses it up
fresh_keys
in_held() { docker exec -u 1000 -e "K=$K" "cb-$s-agent" sh -c "cd /workspace && $1" >"$out" 2>"$err"; }
in_held "git checkout -q -B alarm && echo \"example = \$K\" >ex.txt && git add ex.txt && git commit -qm 'an example' && git push $held alarm"
is $? 1 "a false alarm is rejected where pushes are held"
cb pushes "$s" --json
id=$(jq -r '[.[] | select(.state == "rejected")][-1].id' "$out")
cb push accept "$s" "${id:0:10}" "$(jq -r '[.[] | select(.state == "rejected")][-1].findings[0].id' "$out")"
is $rc 0 "a person accepts it by its id"
push alarm "cd /workspace && git push $held alarm"
check "it waits for a person all the same" until_true 60 has_held 1
id=$(held_id 'an example')
cb push show "$s" "$id" --json
json "who sees that the finding was accepted" '.findings[0].accepted_by | length > 0'
cb push reject "$s" "$id"
is "$(end_of alarm)" 1 "and rejects it"
in_held "git push $held alarm"
is $? 1 "that used the acceptance up"
in_held 'git checkout -q main'

# --- the same by key: rejected, a finding accepted, approved --------------------------------------------------
# A question takes no key in its first moments, and what follows Escape at once would
# be a key with Alt.
read_it() { sleep 2; }
newest_card() { # pattern what: of the newest line of the gate's pane
	term_keys d G
	term_keys d Enter
	shows d "$1" "$2"
}
term_open d 170 40 "$bottle"
shows d "$s +(idle|running|works)" "a dashboard shows the session"
before=$(seen_upstream)
push desk "$(commit 'from the desk') && git push $held main:refs/heads/desk"
check "a push waits" until_true 60 has_held 1
shows d 'push of desk' "the gate's pane has it"
term_keys d Tab Tab Tab
newest_card 'X +rejects' "its card offers to reject it"
shows d 'from the desk' "and has its commit"
term_keys d X
shows d 'Reject this push' "X asks"
term_type d "Not from the desk"
shows d 'Not from the desk' "for words to the agent"
term_keys d Enter
is "$(end_of desk)" 1 "the agent's push fails"
has "$work/desk.said" "Not from the desk" "its git shows them"
have_all "$before" "after it"
shows d 'state +rejected' "the card follows"
term_keys d Escape
read_it
fresh_keys
in_held "git checkout -q -B desk-alarm && echo \"example = \$K\" >desk.txt && git add desk.txt && git commit -qm 'a desk example' && git push $held desk-alarm"
is $? 1 "a false alarm is rejected"
shows d 'push of desk-alarm .*rej' "the pane has it"
newest_card 'finding 1 +aws-access-token +desk.txt:1' "its card has the finding"
term_keys d f
shows d 'false alarm\?' "f asks"
read_it
term_keys d 1 Enter
shows d 'may come again' "and the finding is accepted"
term_keys d Escape
read_it
push desk-alarm "cd /workspace && git push $held desk-alarm"
check "the push waits then" until_true 60 has_held 1
shows d 'push of desk-alarm .*waits' "the pane has that too"
newest_card 'A +approves' "its card offers to approve it"
term_keys d A
shows d 'Forward this push\?' "A asks"
read_it
term_keys d j Enter
is "$(end_of desk-alarm)" 0 "the agent's push succeeds"
refs_at demo >"$out"
has "$out" refs/heads/desk-alarm "the upstream has it"
term_keys d Escape
read_it
term_keys d q
shows d 'exit 0' "q leaves"
in_held 'git checkout -q main'

# --- bounds -----------------------------------------------------------------------------------------------------
in_free 'git checkout -q -B many origin/main && seq 1 200000 >big.txt && git add . && git commit -qm big && git push -q origin many' ||
	ok 1 "a large push passes"
id=$(last_of accepted)
cb push show "$s" "$id" --json --diff
json "the diff of a large push is cut, and says so" '.diff_cut and (.diff | length) > 100000 and (.diff | length) <= 1048576'
in_free 'i=0; while [ $i -lt 34 ]; do git push -q origin "many:refs/heads/m$i" || exit 1; i=$((i + 1)); done' || ok 1 "many pushes pass"
cb pushes "$s" --json
json "the newest 32 pushes are kept" 'length == 32 and .[-1].refs[0].ref == "refs/heads/m33"'
spool_kb=$(gate du -sk /run/git-gate/spool | cut -f1)
check "and they stay within 12 MiB" test "$spool_kb" -le 12400

# --- who may decide, and what nobody gets to see ---------------------------------------------------------------
push nine "$(commit 'the fifth one') && git push $held main:refs/heads/fifth"
until_true 60 has_held 1
id=$(held_id 'the fifth one')
agent 'cat /run/git-gate/spool/* 2>&1; ls /git /etc/git-gate 2>&1' >"$out"
hasnt "$out" "$id" "the agent sees nothing of the spool"
port_scan=$(in_agent "$s" bash -c 'for p in 22 80 443 2375 8080 9417 9418 9419; do (exec 3<>/dev/tcp/git-gate/$p) 2>/dev/null && echo $p; done' 2>/dev/null)
is "$port_scan" 9418 "and reaches no port of the gate's but git's"
for request in "git-gate approve $id" "git-upload-archive /$id" "approve $id eve"; do
	printf '%04x%s\0host=git-gate\0' $((${#request} + 4 + 15)) "$request" |
		docker exec -i -u 1000 "cb-$s-agent" bash -c 'exec 3<>/dev/tcp/git-gate/9418; cat >&3; timeout 5 cat <&3' >"$out" 2>&1
	hasnt "$out" '"state"' "the gate's port does not know \"${request%% *}\""
	has "$out" "ERR git-gate: " "and says so"
done
is "$(state_of "$id")" held "the push still waits for a person"
cb push reject "$s" "$id"
end_of nine >/dev/null

# --- recorded --------------------------------------------------------------------------------------------------
record=$work/fleet.jsonl
(cd "$work/cwd" && exec "$bottle" record "$record" --session "$s") >"$work/record.out" 2>&1 </dev/null &
recorder=$!
started+=("$recorder")
cb pushes "$s" --json
jq -c '[.[] | [.id, .state]] | sort' "$out" >"$work/pushes"
recorded() { jq -cs '[.[] | select(.push) | [.record.id, .record.state]] | unique' "$record" | cmp -s - "$work/pushes"; }
check "a recording has each push that the gate has" until_true 60 recorded
kill -INT "$recorder"
wait "$recorder"
is $? 0 "the recording ends"
jq -r --arg id "$id" 'select(.push and .record.id == $id) | .diff' "$record" >"$work/recorded.diff"
cb push show "$s" "$id" --json --diff
is "$(jq -r .diff "$out")" "$(cat "$work/recorded.diff")" "with its diff"
cp "$record" "$work/recorded.said"	# for what is looked through below
gate sh -c 'cat /run/git-gate/spool/*; ls -R /run/git-gate/accepted /run/git-gate/scratch' >"$work/spool" 2>&1
docker logs "cb-$s-git-gate" >"$work/log" 2>&1
cb events --json --session "$s"
cat "$work"/*.said "$work/shown" "$out" >>"$work/spool"
leaks=
for secret in "${planted[@]}"; do
	grep -qF -- "$secret" "$work/spool" "$work/log" && leaks="$leaks $secret"
done
is "$leaks" "" "no secret stands in the spool, a record, an event, the log or what git said"
grep -qE 'ann|[0-9a-f]{16}' "$work/spool"
ok $? "(and the places that were looked at are not empty)"
is "$(gate sh -c 'stat -c "%u %a" /run/git-gate /run/git-gate/spool' | sort -u)" "65533 700" "the spool is the gate's alone"
cb stop "$s"

# --- nobody decides -----------------------------------------------------------------------------------------------
s=$tag-quick
cb start "$s" --yes
is $rc 0 "a session starts whose pushes wait for five seconds" || finish
agent "git config --global user.name Ann; git config --global user.email ann@example.test; git clone -q $held /tmp/w && cd /tmp/w && git commit -q --allow-empty -m late"
before=$(seen_upstream)
push ten "cd /tmp/w && git push origin HEAD:refs/heads/late"
is "$(end_of ten)" 1 "a push that nobody decides on is refused"
has "$work/ten.said" "nobody approved it in time" "and says why"
have_all "$before" "after its time"
cb pushes "$s" --json
json "its record says so" '.[0].state == "timed-out"'
event '.kind == "push.rejected" and (.summary | contains("nobody approved it in time"))' "it is an event"
cb pushes
has "$out" "timed-out" "the list shows every session's"
cb stop "$s"
none_left "nothing is left at the end"
finish
