# An agent that is refused again and again, and says by the monotonic clock when; source it
# after lib.sh. tests/ptywatch reads the clock and the block from a dashboard's screen.

block_manifest() { # agent tries
	cat >"$work/block.py" <<-END
		import socket, sys, time
		print("ready", flush=True)
		sys.stdin.readline()
		for i in range($2):
		    s = socket.create_connection(("pipelock", 8888))
		    s.sendall(b"GET http://t%03d.b.test/ HTTP/1.1\r\nHost: t%03d.b.test\r\nConnection: close\r\n\r\n" % (i, i))
		    head = s.recv(4096)
		    t = time.monotonic_ns()
		    print("t%03d=%d." % (i, t) if b" 403 " in head.split(b"\r\n")[0] else "not refused", flush=True)
		    s.close()
		    time.sleep(0.4)
		time.sleep(1000)
	END
	jq -n --arg name "$1" --rawfile program "$work/block.py" \
		'{bottles: {plain: {}}, agents: {($name): {bottle: "plain", command: ["python3", "-c", $program]}}}' >"$manifest"
}

block_watch() { # session tries bar option...
	local session=$1 tries=$2 bar=$3
	shift 3
	[ -x build/tests/ptywatch ] || make -s build/tests/ptywatch || die "make ptywatch"
	(cd "$work/cwd" && timeout 120 "$tree/build/tests/ptywatch" --rows 40 --cols 120 --tries "$tries" --bar "$bar" \
		--wait ready "$@" --keys $'\r' -- "$bottle" attach "$session")
}

# The prefix and z: attach begins zoomed.
block_attached() { block_watch "$1" "$2" "$3" --keys $'\035z' --wait Egress; }
block_zoomed() { block_watch "$1" "$2" "$3" --count "$1!"; }
