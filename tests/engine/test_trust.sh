#!/bin/bash
# A project's manifest counts for nothing until its very bytes were confirmed, and
# then it still cannot take what is the user's.
. "$(dirname "$0")/lib.sh"

one=$tag-one
project=$work/project
mkdir -p "$project"
write_user() { # projects: JSON
	cat >"$manifest" <<END
{
  "bottles": { "mine": { "env": { "KEY": "\${SECRET_OF_MINE}" }, "projects": $1 } },
  "agents": { "$tag-mine": { "bottle": "mine", "command": ["sleep", "1000"] } }
}
END
}
write_project() { # bottle [extra]
	cat >"$project/claude-bottle.json" <<END
{
  "bottles": { "theirs": { "egress": { "allowlist": ["theirs.test"] } } },
  "agents": {
    "$one": { "bottle": "$1", "command": ["sleep", "1000"] }${2:-}
  }
}
END
}
export SECRET_OF_MINE=sentinel-$tag
cwd=$project

write_user '[]'
write_project theirs
for how in "start $one --yes" "start $one --yes --dry-run" "start $one --yes --force"; do
	cb $how
	is $rc 5 "not trusted: $how is refused by policy"
	has "$err" "claude-bottle trust" "the message names the verb"
done
cb relaunch "$one" --yes
is $rc 5 "relaunch is refused too"
cb list available --json
is $rc 0 "the list of what is available"
check "shows it as untrusted" sh -c "grep -qi untrusted '$out'"
cb trust
is $rc 5 "trust without a terminal asks for the flag"
has "$err" --yes "and names it"
cb start "$one" --yes
is $rc 5 "and trusted nothing"
none_left "nothing was made in the engine"

cb trust --yes
is $rc 0 "trust"
has "$err" theirs.test "it showed what the file grants"
cb trust --list
is "$(cat "$out")" "$project/claude-bottle.json" "it is listed"
cb start "$one" --yes
is $rc 0 "trusted: it starts"
has "$err" "the project's manifest" "the preflight says where it came from"
cb stop "$one"
is $rc 0 "stop"

# --- the bytes -----------------------------------------------------------------------
cp "$project/claude-bottle.json" "$work/before"
echo >>"$project/claude-bottle.json"
cb start "$one" --yes
is $rc 5 "one byte more, and it is not trusted"
cp "$work/before" "$project/claude-bottle.json"
cb start "$one" --yes --dry-run
is $rc 0 "the old bytes again: trusted"
mkdir -p "$work/elsewhere"
cp "$work/before" "$work/elsewhere/claude-bottle.json"
cwd=$work/elsewhere cb start "$one" --yes
is $rc 5 "the same bytes in another folder are not trusted"
cb trust --remove
cb start "$one" --yes
is $rc 5 "removed: not trusted any more"

# --- the user's bottles -----------------------------------------------------------------
write_project mine
cb trust --yes
is $rc 0 "trust of a file that names the user's bottle"
cb start "$one" --yes
check "the user's bottle is not the project's to use" test $rc -eq 2 -o $rc -eq 5
has "$err" projects "the message says what the user would have to write"
cat "$out" "$err" >"$work/all"
hasnt "$work/all" "sentinel-$tag" "and no value of the user's"
write_user "[\"$project\"]"
cb start "$one" --yes --dry-run
is $rc 0 "once the bottle lists the folder, it may"
write_user "[\"$work/elsewhere\"]"
cb start "$one" --yes --dry-run
check "listing another folder is not enough" test $rc -ne 0
write_project theirs ", \"$tag-mine\": { \"bottle\": \"theirs\", \"command\": [\"true\"] }"
cb trust --yes
cb start "$tag-mine" --yes --dry-run --json
json "a project never replaces the user's agent" '.bottle == "mine"'
ln -s / "$project/root"
write_project theirs ", \"$tag-copy\": { \"bottle\": \"theirs\", \"command\": [\"sleep\", \"1000\"], \"workspace\": { \"copy\": \"$HOME\" } }"
cb trust --yes
cb start "$tag-copy" --yes
check "a copy never leaves the project's folder" test $rc -ne 0
write_project theirs ", \"$tag-copy\": { \"bottle\": \"theirs\", \"command\": [\"sleep\", \"1000\"], \"workspace\": { \"copy\": \"root/etc\" } }"
cb trust --yes
cb start "$tag-copy" --yes
check "nor by a link" test $rc -ne 0
none_left "nothing is left at the end"
finish
