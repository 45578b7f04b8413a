#!/bin/bash
# streams.sh PROGRAM [OPTIONS]: record real programs at the benchmark's size, then run
# the benchmark on them, too. RECORDINGS="NAME=FILE ..." adds others.
set -u
cd "$(dirname "$0")/../.." || exit 1
B=${B:-build}
. tests/screen/record.sh
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
recordings=()
for stream in vim htop top less claude; do
	record "$stream" 50 200 "$dir/$stream" || exit 1
	recordings+=("$stream=$dir/$stream")
done
"$@" "${recordings[@]}" ${RECORDINGS:-}
