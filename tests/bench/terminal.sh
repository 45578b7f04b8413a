#!/bin/bash
# Every bar of the terminals in one run, with tmux as the peer: the emulator alone, the
# whole dashboard on a terminal, through an engine too (one must answer), frames to bytes,
# lines of logs, and characters' widths.
# The last line says how many bars were missed. Options go to both bench_vt and bench_screen.
set -u
cd "$(dirname "$0")/../.." || exit 1
B=${B:-build}
out=$(mktemp) || exit 1
trap 'rm -f "$out"' EXIT
{
	tests/bench/streams.sh "$B/bench/bench_vt" "$@"
	tests/bench/streams.sh "$B/bench/bench_screen" "$@"
	through=$(tests/bench/bench-echo)
	echo "$through"
	grep -q '^bench:' <<<"$through" || echo "bench: screen-echo-p50-engine was not measured miss"
	"$B/bench/bench_diff"
	"$B/bench/bench_lines"
	if "$B/tests/core/test_vt_width" >/dev/null 2>&1; then
		echo "bench: emoji-test.txt and GraphemeBreakTest.txt at their bars ok"
	else
		echo "bench: emoji-test.txt and GraphemeBreakTest.txt at their bars miss"
	fi
} 2>&1 | tee "$out"
missed=$(grep -cE '(^bench:.* (miss|short)$|MISSED$)' "$out")
echo "$(grep -cE '^bench:|^worst' "$out") bars, $missed missed"
[ "$missed" -eq 0 ]
