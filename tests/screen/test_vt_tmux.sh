#!/bin/bash
# The emulator's grid against tmux's own capture: streams of real programs are
# recorded at three sizes, fed to both, and text and styles compared (tmux's
# styles through our own reading of what it captured; without the blanks at the
# end of rows, whose background it does not capture). TAP on stdout.
set -u
cd "$(dirname "$0")/../.." || exit 1
B=${B:-build}
. tests/screen/record.sh
dir=$(mktemp -d) || exit 1
export LC_ALL=C.UTF-8
unset TMUX
trap 'tmux -S "$dir/tmux" kill-server 2>/dev/null; rm -rf "$dir"' EXIT

# Feeds a file to its terminal as it is, and waits until all of it was read.
cat >"$dir/feed" <<'EOF'
#!/bin/bash
stty raw -echo
cat "$1"
printf '\033[6n'
read -r -t 30 -d R
tmux -S "$2" wait-for -S "$3"
exec sleep 60
EOF
chmod +x "$dir/feed"

tmux_grid() { # stream rows cols tag file
	tmux -S "$dir/tmux" -f /dev/null new-session -d -x "$3" -y "$2" -s "$4" \; set -g status off \; \
		set -g history-limit 1000 \; respawn-pane -k "$dir/feed $1 $dir/tmux $4"
	timeout 40 tmux -S "$dir/tmux" wait-for "$4"
	tmux -S "$dir/tmux" capture-pane -p -t "$4" | sed 's/ *$//' >"$5.tmux"
	tmux -S "$dir/tmux" capture-pane -p -e -N -t "$4" | head -c -1 | sed 's/$/\r/' |
		"$B/tests/vtdump" --rows "$2" --cols "$3" --ink >"$5.tmux.attrs"
	tmux -S "$dir/tmux" kill-session -t "$4"
}

n=0
check() { # stream rows cols
	local name=$1-$2x$3 file=$dir/$1-$2x$3
	n=$((n + 1))
	if ! record "$1" "$2" "$3" "$file.rec"; then
		echo "not ok $n - $name: not recorded"
		return
	fi
	"$B/tests/vtdump" --rows "$2" --cols "$3" <"$file.rec" >"$file.ours"
	"$B/tests/vtdump" --rows "$2" --cols "$3" --chunk 7 <"$file.rec" >"$file.cut"
	"$B/tests/vtdump" --rows "$2" --cols "$3" --ink <"$file.rec" >"$file.ours.attrs"
	tmux_grid "$file.rec" "$2" "$3" "$1-$2x$3" "$file"
	if ! grep -q '[^ ]' "$file.ours"; then
		echo "not ok $n - $name: the screen is empty"
	elif ! cmp -s "$file.ours" "$file.cut"; then
		echo "not ok $n - $name: chunks make a difference"
	elif diff "$file.ours" "$file.tmux" >"$file.diff" &&
		diff "$file.ours.attrs" "$file.tmux.attrs" >"$file.diff"; then
		echo "ok $n - $name: $(wc -c <"$file.rec") bytes"
	else
		echo "not ok $n - $name: $(grep -c '^<' "$file.diff") rows differ"
		sed 's/^/# /' "$file.diff" | head -20
		[ -z "${VT_KEEP:-}" ] || cp "$file".* "$VT_KEEP"
	fi
}

echo "1..36"
for stream in $vt_streams claude-15 claude-30 claude-45 claude-60 claude-75; do
	check "$stream" 24 80
	check "$stream" 40 120
	check "$stream" 60 200
done
