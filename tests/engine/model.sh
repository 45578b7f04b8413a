# A model's host for the agents of a test, and a terminal to look at them; source it after
# lib.sh. The host is a container of ours (tests/double/anthropic) in the session's egress
# network: whatever reaches it went through pipelock, and nothing leaves the machine.

MODEL_HOST=model.test
MODEL_KEY=fake-key-of-a-test
# Of the manifest: the bottle's content that lets Claude Code reach it.
MODEL_ENV='"ANTHROPIC_BASE_URL": "https://'$MODEL_HOST'", "ANTHROPIC_AUTH_TOKEN": "'$MODEL_KEY'"'
MODEL_EGRESS='"allowlist": ["'$MODEL_HOST'"], "trusted": ["'$MODEL_HOST'"], "dlp_action": "warn"'

# Once, before the first start: a certificate, which pipelock is told to trust.
model_prepare() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$MODEL_HOST" -days 2 \
		-addext "subjectAltName=DNS:$MODEL_HOST" -keyout "$work/model-key.pem" -out "$work/model.pem" 2>"$work/openssl" ||
		die "openssl: $(cat "$work/openssl")"
	chmod 0644 "$work/model-key.pem"	# a test's own, of one day
	export CLAUDE_BOTTLE_UPSTREAM_CA=$work/model.pem
}

has_network() { docker network inspect "cb-$1-egress"; }

# Beside a session, whose labels it gets: it goes with it.
model_start() { # session
	local box=cbt-model-$1 label=io.claude-bottle launch
	until_true 60 has_network "$1" || return 1
	launch=$(docker network inspect -f "{{index .Labels \"$label.launch\"}}" "cb-$1-egress")
	docker create --name "$box" --init --cap-drop ALL --user 1000:1000 --security-opt no-new-privileges \
		--sysctl net.ipv4.ip_unprivileged_port_start=0 --network "cb-$1-egress" --network-alias "$MODEL_HOST" \
		--label "cbt-test=$run" --label "$label.install=$(install)" --label "$label.session=$1" \
		--label "$label.launch=$launch" --label "$label.role=other" \
		-e ANTHROPIC_STANDIN_FOLDER=/tmp/ --entrypoint python3 "$agent_image" -u /tmp/serve.py >/dev/null || return 1
	docker cp "$tree/tests/double/anthropic/serve.py" "$box:/tmp/serve.py" || return 1
	docker cp "$work/model.pem" "$box:/tmp/cert.pem" && docker cp "$work/model-key.pem" "$box:/tmp/key.pem" || return 1
	docker start "$box" >/dev/null && until_true 60 model_said "$1" "anthropic-standin ready"
}

model_said() { docker logs "cbt-model-$1" 2>&1 | grep -qF -- "$2"; }	# session text

# --- terminals: a tmux each, as 3.3a crashes when one that was told a size begins another session ---
tmux_() { local name=$1; shift; command tmux -S "$work/tmux-$name" -f /dev/null "$@"; }

term_open() { # name cols rows command...
	local name=$1 cols=$2 rows=$3
	shift 3
	tmux_ "$name" new-session -d -s t -x "$cols" -y "$rows" -c "$work/cwd" \
		env LANG=C.UTF-8 COLORTERM=truecolor TERM=tmux-256color sh -c '"$@"; echo "exit $?"; exec sleep 600' sh "$@" &&
		tmux_ "$name" set-option -g status off \; set-option -g window-size manual \; \
			set-option -g escape-time 0 \; set-option -g default-terminal tmux-256color &&
		tmux_ "$name" resize-window -t t -x "$cols" -y "$rows"
}
term_close() { tmux_ "$1" kill-server; }
term_size() { tmux_ "$1" resize-window -t t -x "$2" -y "$3"; }
term_keys() { local name=$1; shift; tmux_ "$name" send-keys -t t "$@"; }
term_type() { tmux_ "$1" send-keys -t t -l -- "$2"; }
term_text() { tmux_ "$1" capture-pane -p -t t; }
term_shows() { term_text "$1" | LC_ALL=C.UTF-8 grep -qE -- "$2"; }
term_hides() { ! term_shows "$1" "$2"; }
# The program that runs in it.
term_pid() { pgrep -P "$(tmux_ "$1" display-message -p -t t '#{pane_pid}')"; }

# Tests of their own: the terminal comes to show a pattern, or to hide it.
came() { # result name what
	: >"$out" && : >"$err"
	ok "$1" "$3" "the screen:" || term_text "$2" | grep -v '^ *$' | cut -c 1-160 | sed 's/^/# /'
}
shows() { until_true 60 term_shows "$1" "$2"; came $? "$1" "$3 /$2/"; }
hides() { until_true 60 term_hides "$1" "$2"; came $? "$1" "$3, no /$2/"; }

model_exit() {
	local socket
	for socket in "$work"/tmux-*; do
		[ ! -S "$socket" ] || command tmux -S "$socket" kill-server
	done
	on_exit
} 2>/dev/null
trap model_exit EXIT
