#!/bin/bash
# The command line without an engine: usage, exit codes, words. A recording is played
# where sessions are needed (docs/replay.md).
set -u
cd "$(dirname "$0")/../.." || exit 1
bin=${CLAUDE_BOTTLE:-$PWD/build/claude-bottle}
[ "${bin#/}" != "$bin" ] || bin=$PWD/$bin
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
export HOME=$work/home CLAUDE_BOTTLE_BACKEND=replay CLAUDE_BOTTLE_REPLAY_SPEED=0
unset XDG_CONFIG_HOME XDG_STATE_HOME XDG_DATA_HOME XDG_CACHE_HOME CLAUDE_BOTTLE_RECORDING
mkdir -p "$HOME/project"
cd "$HOME/project" || exit 1
n=0 failures=0

report() { # ok?, name
	n=$((n + 1))
	if [ "$1" = 0 ]; then
		echo "ok $n - $2"
	else
		failures=$((failures + 1))
		echo "not ok $n - $2"
		sed 's/^/# /' "$work/err" "$work/out"
	fi
}

# try CODE WORDS ARGUMENT...: ends so, and stderr holds the words ("": is empty)
try() {
	local code=$1 words=$2 rc
	shift 2
	timeout 60 "$bin" "$@" >"$work/out" 2>"$work/err" </dev/null
	rc=$?
	if [ "$rc" != "$code" ]; then
		echo "exit $rc" >>"$work/err"
		report 1 "\"$*\" exits $code"
	elif [ -z "$words" ]; then
		[ ! -s "$work/err" ]
		report $? "\"$*\" exits $code without a word"
	else
		grep -qF -- "$words" "$work/err" && [ "$(wc -l <"$work/err")" = "${lines:-1}" ]
		report $? "\"$*\" exits $code and says: $words"
	fi
}

# --- usage --------------------------------------------------------------------------
try 0 '' --help
try 0 '' --version
try 2 'there is no option "--bogus"' --bogus
try 2 '"--manifest" wants a value' --manifest
try 2 'there is no verb "lst"; did you mean "list"?' lst
try 2 'there is no verb "zzz"; see "claude-bottle --help"' zzz
try 2 'the dashboard needs a terminal'
try 2 'either --manifest or --demo' --demo --manifest x list
try 2 'there is no option "--jsn"; see "claude-bottle list --help"' list --jsn
try 2 '"--json" takes no value' list --json=1
try 2 'there is no option "-x"' list --json -xy
try 2 '"--since" wants a value' events --since
try 2 '"--for" wants a value' allow implementer example.org --for
try 2 'either --json or --csv' events --json --csv
try 2 '--grep wants a word' events --grep '"*"'
try 0 'no such event' --demo events --grep nosuchword
try 0 '' --demo events --grep nosuchword --json
try 2 'a session, or --all' stop implementer --all
try 2 'it takes no argument' cleanup implementer
try 2 '"x" is one argument too many' list available x
try 2 'put it in quotes' send implementer go on
try 2 '--diff is not for test' policy test x --diff
try 1 'there is no session "nope"' push show nope abcd
try 1 'session "nope" is not running' freeze nope

verbs=$("$bin" --help | sed -n '/^  dashboard/,/^$/s/^  \([a-z]*\) .*/\1/p')
for verb in $verbs; do
	try 0 '' "$verb" --help
	grep -q '^Example: .*claude-bottle' "$work/out"
	report $? "\"$verb --help\" has an example"
	grep -qE "(^|\| )\`$verb[\` ]|, \`$verb[\` ]" "$OLDPWD/docs/cli.md"
	report $? "docs/cli.md has \"$verb\""
	grep -qE "^\.It Cm $verb( |\$)" "$OLDPWD/docs/claude-bottle.1"
	report $? "the man page has \"$verb\""
	[ "$verb" = attach ] && continue	# has those of dashboard
	cp "$work/out" "$work/help"
	grep -E "^\| .*\`$verb[\` ]" "$OLDPWD/docs/cli.md" >"$work/row"
	awk -v v="$verb" '/^\.It Cm /{p = $3 == v} p' "$OLDPWD/docs/claude-bottle.1" |
		sed 's/Fl Fl /--/g; s/Fl /-/g' >"$work/entry"
	: >"$work/out" >"$work/err"
	# "  -f, --follow ..." is told when either is
	while read -r short long; do
		for page in row entry; do
			grep -qF -e "$long" ${short:+-e "$short"} "$work/$page" ||
				echo "$page has no $long" >>"$work/err"
		done
	done < <(sed -nE 's/^ +(-[a-z])?,? ?(--[a-z-]+).*/\1 \2/p' "$work/help" | sed 's/^ /"" /')
	[ ! -s "$work/err" ]
	report $? "docs have the options of \"$verb\""
done

# a reader that goes away ends "events -f" at once
timeout 60 "$bin" --demo events -f 2>"$work/err" | head -n 1 >"$work/out"
[ "${PIPESTATUS[0]}" != 124 ] && [ "$(wc -l <"$work/out")" = 1 ]
report $? "\"events -f | head -n 1\" ends"

# columns are as wide as what is in them
cat >"$work/wide.jsonl" <<'END'
{"v":1,"kind":"claude-bottle-recording","start":"2026-11-24T12:00:00Z","engine":"docker"}
{"t":0,"session":{"session":"an-agent-with-a-name-of--forty-character","agent":"an-agent-with-a-name-of","bottle":"default","state":"running","created":1795600000}}
{"t":0,"session":{"session":"short","agent":"short","bottle":"a-bottle-of-twenty-two","state":"running","created":1795600000}}
END
CLAUDE_BOTTLE_RECORDING=$work/wide.jsonl try 0 '' list
[ "$(awk '{print index($0, NR == 1 ? "STATE" : "running")}' "$work/out" | sort -u | wc -l)" = 1 ]
report $? "the columns of a list are straight"

# On a terminal an event of another day has its day above it. It is half past midnight
# where the demo, whose first events are 91 minutes old, is played here.
minutes=$((10#$(date -u +%H) * 60 + 10#$(date -u +%M) - 30))
sign=+
[ $minutes -ge 0 ] || { sign=- minutes=$((-minutes)); }
TZ=XXX$sign$((minutes / 60)):$((minutes % 60))
TZ=$TZ timeout 60 script -qec "'$bin' --demo events" /dev/null </dev/null 2>"$work/err" | tr -d '\r' >"$work/out"
days=$(grep -xE '[0-9]{4}-[0-9]{2}-[0-9]{2}' "$work/out" | tr '\n' ' ')
[ "$days" = "$(TZ=$TZ date -d '1 hour ago' +%F) $(TZ=$TZ date +%F) " ] && ! grep -qE '^[0-9-]{10} [0-9]' "$work/out"
report $? "events on a terminal have their days"

"$bin" --help >/dev/full 2>"$work/err"
[ $? = 1 ]
report $? "help that cannot be written is a failure"

# --- manifests ----------------------------------------------------------------------
try 0 'there is no manifest; "claude-bottle init" makes one' list available
[ ! -s "$work/out" ]
report $? "what is no agent is not listed"
lines=2 try 0 'wrote ' init
try 0 '' check
try 2 'is there already' init
try 0 '' info here
lines=2 try 0 'wrote new.json' --manifest new.json init
[ "$(stat -c %a new.json)" = 600 ]
report $? "a first manifest is readable by its owner alone"
printf '{' >open.json
try 2 'open.json:1:2: the file ends' --manifest open.json list available
try 2 'open.json:1:2: the file ends' --manifest open.json start x
try 2 '/nowhere.json: No such file' --manifest /nowhere.json list available
try 2 '/nowhere.json: No such file' --manifest /nowhere.json info x

# --- trust ---------------------------------------------------------------------------------
project() { printf '{"bottles":{"p":{}},"agents":{"theirs":{"bottle":"p"}}}' >claude-bottle.json; }
project
try 5 'which is not trusted' start theirs --yes
lines=6 try 5 'use --yes' trust
lines=6 try 0 'trusted; any change' trust --yes
try 2 'it is about the folder' trust here
try 0 'is no longer trusted' trust --remove
for answer in 'n\n' '\004' 'Y\n'; do
	printf "$answer" | timeout 60 script -qec "'$bin' trust" /dev/null 2>"$work/err" | tr -d '\r' >"$work/out"
	case $answer in
	Y*) grep -q 'trusted; any change' "$work/out" ;;
	n*) grep -q 'not confirmed; nothing was done$' "$work/out" ;;
	*) grep -q '^claude-bottle: not confirmed; nothing was done$' "$work/out" ;; # on a line of its own
	esac
	report $? "trust asks; the answer is \"$answer\""
done
try 0 'is no longer trusted' trust --remove
lines=6 try 0 'trusted; any change' trust --yes
rm claude-bottle.json
try 2 'there is no claude-bottle.json' trust
try 0 'is no longer trusted' trust --remove
try 0 '' trust --list
[ ! -s "$work/out" ]
report $? "what was deleted can be distrusted"

# --- no place for the state --------------------------------------------------------------
printf x >"$work/file"
XDG_STATE_HOME=$work/file CLAUDE_BOTTLE_BACKEND=docker try 1 "cannot make $work/file/claude-bottle" list

# --- no engine ------------------------------------------------------------------------
export CLAUDE_BOTTLE_BACKEND=docker
DOCKER_HOST=unix://$work/nowhere try 3 'nowhere: No such file or directory; is it running' list
DOCKER_HOST=tcp://127.0.0.1:1 try 2 'only unix:// sockets are supported' list

echo "1..$n"
[ "$failures" = 0 ]
