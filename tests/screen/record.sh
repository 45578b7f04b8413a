# Streams of real programs, for whoever sources this: record NAME ROWS COLS FILE
# runs the program of that name through its paces and writes its bytes to FILE.
# Needs $B/tests/ptyrec. Nothing in them depends on the network or the user. Claude Code's
# were recorded before (record-claude), at the sizes that tests/data/claude has.

vt_streams="vim less htop top bash tmux claude"

record_env() {
	env -i PATH="$PATH" HOME="$1" LC_ALL=C.UTF-8 SHELL=/bin/sh "${@:2}"
}

record() {
	local name=$1 rows=$2 cols=$3 out=$4 home rc
	local text=$PWD/src/core/vt_csi.c rec=("$B/tests/ptyrec" --rows "$rows" --cols "$cols")
	home=$(mktemp -d) || return 1
	case $name in
	vim)
		record_env "$home" "${rec[@]}" -k '\x04\x04' -k '\x15' -k '/case\r' -k nnn \
			-k ':set number list cursorline\r' -k ':split\r' -k '\x17w' -k G \
			-k 'ihello, w\xc3\xb6rld\tand a tab\e' -k ':vsplit\r' -k 'ggddu' -k 'V10jd' -k u \
			-k ':set nowrap\r' -k '\x17=' -k '\x06' -k ':help motion\r' -k '\x04\x05\x05\x19' \
			-- vim -u DEFAULTS -i NONE -n -c 'syntax on' "$text" >"$out"
		;;
	less)
		record_env "$home" "${rec[@]}" -k ' ' -k ' ' -k b -k '/static\r' -k nn -k G -k g -k 'jjjkk' \
			-k '50%' -k '-S\r' -k '\e)' -k '-N\r' -k 'yyy' -- less "$text" >"$out"
		;;
	htop)
		record_env "$home" "${rec[@]}" --wait 700 -k '\e[B\e[B' -k '\eOS' -k '\e[15~' -k '\e[15~' -k H \
			-k '\e[12~' -k q -k '/a' -k '\e' -k '\eOP' -k x -- htop -d 3 >"$out"
		;;
	top)
		record_env "$home" "${rec[@]}" --wait 700 -k z -k x -k 1 -k V -k c -k m -k t -k '\e[B\e[B' -k '=' \
			-- top -d 0.3 >"$out"
		;;
	bash)
		record_env "$home" "${rec[@]}" \
			-k 'printf "%s\\n" one two three | sed s/o/0/g\r' -k "echo $(printf '%0150d' 7)" -k '\x01' \
			-k 'true; \x05 # end' -k '\x15' -k 'ls --color=always /usr/bin | tail -n 70\r' -k '\x12print' \
			-k '\x07' -k 'printf "\\e[3;10r\\e[5;1H\\e[2L\\e[3M\\eM\\e[r\\e[15Hdone\\n"\r' -k 'seq 500\r' \
			-- bash --norc --noprofile >"$out"
		;;
	tmux)
		record_env "$home" "${rec[@]}" --wait 1500 -k 'seq 100\r' -k '\x02%' -k 'ls /usr/bin | tail -50\r' -k '\x02"' \
			-k "less $text\\r" -k ' ' -k '\x02[' -k '\x02' -k q -k '\x02o' -k '\x02z' -k '\x02z' -k '\x02 ' \
			-- tmux -S "$home/inner" -f /dev/null new-session sh >"$out"
		tmux -S "$home/inner" kill-server 2>/dev/null
		;;
	claude)
		cat "tests/data/claude/${rows}x$cols.rec" >"$out"
		;;
	claude-*) # up to the end of the frame before that percentage of it
		head -c "$(($(wc -c <"tests/data/claude/${rows}x$cols.rec") * ${name#*-} / 100))" \
			"tests/data/claude/${rows}x$cols.rec" | perl -0777 -pe 's/.*\e\[\?2026l\K.*//s' >"$out"
		;;
	*)
		echo "record: no such stream: $name" >&2
		;;
	esac
	rc=$?
	rm -rf "$home"
	[ -s "$out" ] && return 0
	echo "record: $name wrote nothing (exit $rc)" >&2
	return 1
}
