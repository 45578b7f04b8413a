# Shared by the tests here that drive the program on a real engine. Source it first.
#
# Everything a test makes is its own: home, XDG folders and so an installation's id of
# its own, in $work. What is left in the engine under that id, or with the label
# cbt-test=$run, is removed at the end; nothing else is ever touched.
#
#   CLAUDE_BOTTLE=build/san/claude-bottle  drives another build of the program
#
# TAP: check, is, has, hasnt, none_left; "finish" ends the test.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
tree=$PWD
name=$(basename "$0" .sh)
bottle=${CLAUDE_BOTTLE:-$tree/build/claude-bottle}
[ "${bottle#/}" != "$bottle" ] || bottle=$tree/$bottle
real_home=${HOME:-/root}
python=/usr/bin/python3
[ -x $python ] || python=$(command -v python3)

die() { echo "$name: $*" >&2; exit 1; }
[ -x "$bottle" ] || die "there is no $bottle: run make first"
engine=${DOCKER_HOST:-unix:///var/run/docker.sock}
docker() { DOCKER_HOST=$engine command docker "$@"; }
docker version >/dev/null 2>&1 || die "no engine answers"
for program in jq timeout "$python"; do
	command -v "$program" >/dev/null || die "$program is needed: run scripts/setup"
done

work=$(mktemp -d) || exit 1
run=$(basename "$work")
run=${run#tmp.}
tag=t$(printf '%s' "$run" | cksum | cut -c1-5)	# of sessions: names are the engine's, not ours alone
tests=0 failures=0
out=$work/out err=$work/err rc=0
started=()	# process ids to end

# --- images: the product's own, and pipelock or its stand-in -------------------------
find_images() {
	HOME=$real_home timeout 900 "$bottle" images build base builder resolver sidecar agent \
		>"$work/images" 2>&1 </dev/null || { tail -n 30 "$work/images" >&2; die "the images cannot be made"; }
	CLAUDE_BOTTLE=$bottle
	. scripts/pipelock-for-tests >"$work/images" 2>&1 ||
		{ tail -n 30 "$work/images" >&2; die "there is no pipelock to test with"; }
	echo "# pipelock: $PIPELOCK_KIND ($PIPELOCK_WHY)"
	agent_image=$("$bottle" images list --json 2>/dev/null | jq -r '.[] | select(.name == "agent") | .ref')
	sidecar_image=$("$bottle" images list --json 2>/dev/null | jq -r '.[] | select(.name == "sidecar") | .ref')
}

# The gate's image: only tests of git need it, and it takes a while the first time.
need_gate() {
	[ -d assets/images/git-gate ] || die "this tree has no image git-gate"
	HOME=$real_home timeout 900 "$bottle" images build git-gate >"$work/images" 2>&1 </dev/null ||
		{ tail -n 30 "$work/images" >&2; die "the gate's image cannot be made"; }
}

# --- a home of its own ------------------------------------------------------------------
own_home() {
	export HOME=$work/home XDG_CONFIG_HOME=$work/config XDG_STATE_HOME=$work/state
	export XDG_DATA_HOME=$work/data XDG_CACHE_HOME=$work/cache
	mkdir -p "$HOME" "$XDG_CONFIG_HOME/claude-bottle" "$work/cwd"
	chmod 0700 "$HOME" "$XDG_CONFIG_HOME" "$XDG_CONFIG_HOME/claude-bottle"
	manifest=$XDG_CONFIG_HOME/claude-bottle/claude-bottle.json
	unset NO_COLOR CLAUDE_BOTTLE_SUBNET_POOL CLAUDE_BOTTLE_UPSTREAM_CA
}

# --- the engine ---------------------------------------------------------------------------
install() { cat "$XDG_STATE_HOME/claude-bottle/install-id" 2>/dev/null || echo none; }

# Whatever carries our installation's label: "container NAME", one a line. By the
# engine's own socket, whatever DOCKER_HOST a test sets for the program.
ours() {
	local label
	label=label=io.claude-bottle.install=$(install)
	docker ps -a --filter "$label" --format 'container {{.Names}}'
	docker network ls --filter "$label" --format 'network {{.Name}}'
	docker volume ls --filter "$label" --format 'volume {{.Name}}'
}

remove_label() { # label=value
	docker ps -aq --filter "label=$1" | xargs -r env DOCKER_HOST="$engine" docker rm -f -v
	docker network ls -q --filter "label=$1" | xargs -r env DOCKER_HOST="$engine" docker network rm
	docker volume ls -q --filter "label=$1" | xargs -r env DOCKER_HOST="$engine" docker volume rm
	docker images -q --filter "label=$1" | sort -u | xargs -r env DOCKER_HOST="$engine" docker rmi -f
} >/dev/null 2>&1

clear_ours() { remove_label "io.claude-bottle.install=$(install)"; }

on_exit() {
	local pid
	for pid in ${started[@]+"${started[@]}"}; do
		kill "$pid" 2>/dev/null
	done
	# the test's own containers may hang on a session's network
	remove_label "cbt-test=$run"
	[ "$(install)" = none ] || clear_ours
	rm -rf "$work"
}
trap on_exit EXIT
trap 'exit 130' INT TERM

# --- the program ------------------------------------------------------------------------------

# cb VERB ...: not on a terminal; $rc, $out and $err are what came of it. A program
# that hangs is a failure of its own: 124.
cb() {
	(cd "${cwd:-$work/cwd}" && exec timeout -k 5 "${patience:-150}" ${wrapper:-} "$bottle" "$@") \
		>"$out" 2>"$err" </dev/null
	rc=$?
	return $rc
}

# in_agent SESSION COMMAND...: as the agent itself would.
in_agent() {
	local session=$1
	shift
	DOCKER_HOST=$engine timeout 60 docker exec -u 1000 "cb-$session-agent" "$@"
}

# Wait until a command is content: seconds command...
until_true() {
	local n=$(($1 * 10))
	shift
	while [ $n -gt 0 ]; do
		"$@" >/dev/null 2>&1 && return 0
		sleep 0.1
		n=$((n - 1))
	done
	return 1
}

now_ms() { echo $(($(date +%s%N) / 1000000)); }

# --- a proxy in front of the engine ------------------------------------------------------------
proxy_start() { # the proxy's program and its options; LISTEN ENGINE come first, by us
	local program=$1
	shift
	rm -f "$work/proxy.out" "$work/proxy.sock"
	: >"$work/requests"
	$program "$work/proxy.sock" "${engine#unix://}" "$@" >"$work/proxy.out" 2>&1 &
	proxy_pid=$!
	started+=("$proxy_pid")
	until_true 60 grep -q ready "$work/proxy.out" || die "the proxy does not start: $(cat "$work/proxy.out")"
	export DOCKER_HOST=unix://$work/proxy.sock
}

# One request fails: faultproxy.c says how.
fault_start() {
	[ -x build/tests/faultproxy ] || make -s build/tests/faultproxy || die "make faultproxy"
	proxy_start build/tests/faultproxy --log "$work/requests" "$@"
}

# An engine that leaves the host reachable.
reach_start() { proxy_start "$python tests/engine/reachproxy.py" "$work/requests"; }

proxy_stop() {
	unset DOCKER_HOST
	kill "$proxy_pid" 2>/dev/null
	wait "$proxy_pid" 2>/dev/null
}

# --- TAP ------------------------------------------------------------------------------------------
ok() { # result name
	tests=$((tests + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $tests - $2"
		return 0
	fi
	failures=$((failures + 1))
	echo "not ok $tests - $2"
	[ -z "${3:-}" ] || printf '# %s\n' "$3"
	[ ! -s "$out" ] || tail -n 15 "$out" | cut -c1-400 | sed 's/^/# out: /'
	[ ! -s "$err" ] || tail -n 15 "$err" | cut -c1-400 | sed 's/^/# err: /'
	return 1
}

check() { # name command...: it succeeds
	local what=$1 got
	shift
	got=$("$@" 2>&1)
	ok $? "$what" "$(printf '%s' "$got" | head -n 8 | tr '\n' '|' | cut -c1-600)"
}

is() { # got wanted name
	[ "$1" = "$2" ]
	ok $? "$3" "got \"$1\" instead of \"$2\""
}

has() { # file text name: a fixed string in it
	grep -qF -- "$2" "$1"
	ok $? "$3" "no \"$2\" in it"
}

hasnt() { # file text name
	! grep -qF -- "$2" "$1"
	ok $? "$3" "\"$2\" is in it"
}

none_left() { # name: nothing of ours is in the engine
	local left
	left=$(ours | sort | tr '\n' ' ')
	is "$left" "" "$1"
}

json() { # name jq-filter: of stdout, which is JSON and for which the filter is true
	jq -e "$2" "$out" >"$work/jq" 2>&1
	ok $? "$1" "$2 gives $(head -c 300 "$work/jq" | tr '\n' ' ')"
}

say() { printf '# %s\n' "$*"; }

finish() {
	echo "1..$tests"
	[ $failures -eq 0 ]
	exit
}

find_images
own_home
