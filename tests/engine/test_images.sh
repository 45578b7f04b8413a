#!/bin/bash
# Images on a real engine: what is made, what is left alone, what a failure says,
# and that the host's CA bundle stays in the builder.
#
# The base is made for real (debootstrap where no registry answers). The rest are
# small images of the test's own, below the repository cbt-images, removed at the
# end. Registries that are asked in vain are ports on loopback where nobody listens.
set -u
cd "$(dirname "$0")/../.." || exit 1
bottle=${CLAUDE_BOTTLE:-$PWD/build/claude-bottle}
real=$PWD
made=$(mktemp -d)
tests=0 failures=0

ok() { # condition-result name
	tests=$((tests + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $tests - $2"
	else
		failures=$((failures + 1))
		echo "not ok $tests - $2"
		[ ! -s "$made/out" ] || sed 's/^/# out: /' "$made/out"
		[ ! -s "$made/err" ] || sed 's/^/# err: /' "$made/err"
	fi
}

remove_images() {
	docker ps -aq --filter label=cbt-images | xargs -r docker rm -f >/dev/null 2>&1
	docker images --format '{{.Repository}}:{{.Tag}}' | grep '^cbt-images/' |
		xargs -r docker rmi -f >/dev/null 2>&1
	# stages of a build have no name; they have the builder's label
	docker images -aq --filter dangling=true --filter label=cbt-images | xargs -r docker rmi -f >/dev/null 2>&1
}
docker info >/dev/null 2>&1 || { echo "test_images: no engine answers" >&2; exit 1; }
trap 'remove_images; rm -rf "$made"' EXIT
remove_images

images() {
	"$bottle" images "$@" >"$made/out" 2>"$made/err" </dev/null
}
field() { # name key: of the JSON list
	jq -r --arg n "$1" ".[] | select(.name == \$n) | .$2" "$made/out"
}
said() { grep -qF -- "$1" "$made/err"; }

# --- the real base, which the test's images stand on ---------------------------------
images build base
ok $? "the real base is built, or is there"
images list --json
base=$(field base ref)
[ "$(field base state)" = current ]
ok $? "the real base is listed as current"
docker run --rm "$base" sh -c 'test -s /etc/ssl/certs/ca-certificates.crt && ! test -e /build' >"$made/out" 2>&1
ok $? "the base has CA certificates and nothing of the builder"

# --- the test's own images --------------------------------------------------------------
data=$made/data
export CLAUDE_BOTTLE_DATADIR=$data CLAUDE_BOTTLE_IMAGE_REPO=cbt-images CLAUDE_BOTTLE_BASE_IMAGE=$base
mkdir -p "$data"/images/{base,builder,good,bad,module} "$data/sidecar/good"
cp "$real/assets/images/base/Dockerfile" "$data/images/base/"
cat >"$data/images/builder/Dockerfile" <<'END'
ARG BASE
FROM ${BASE}
COPY ca-bundle.crt /build/host-ca.crt
LABEL cbt-images=1
END
cat >"$data/images/good/Dockerfile" <<'END'
ARG BUILDER
FROM ${BUILDER} AS build
ARG GOOD_VERSION
ARG GOPROXY=
COPY sidecar/good /src
RUN : make the good one; mkdir /out && cp /src/text /out/text && echo "version $GOOD_VERSION proxy $GOPROXY" >/out/version
FROM scratch
COPY --from=build /out /
CMD ["none"]
END
printf 'ARG BASE\nFROM ${BASE}\nLABEL cbt-images=1\nRUN : the bad step; echo "disk on fire" >&2; exit 7\n' >"$data/images/bad/Dockerfile"
cat >"$data/images/module/Dockerfile" <<'END'
ARG BASE
FROM ${BASE}
ARG TOOL_MODULE
ARG TOOL_VERSION
LABEL cbt-images=1
RUN : compile it; echo "go: $TOOL_MODULE@$TOOL_VERSION: reading it: 403 Forbidden" >&2; exit 1
END
echo "one $made" >"$data/sidecar/good/text"	# so that no earlier run's cache has it
printf 'GOOD_VERSION=1\nTOOL_MODULE=example.test/tool\nTOOL_VERSION=v9\n' >"$data/images/versions"
printf -- '-----BEGIN CERTIFICATE-----\nQ0JUIGNlcnRpZmljYXRlIG1hcmtlciA0NzExCg==\n-----END CERTIFICATE-----\n' >"$made/ca.crt"
export CLAUDE_BOTTLE_CA_BUNDLE=$made/ca.crt

images list --json && [ "$(field good state)" = missing ] && [ "$(field good size)" = 0 ]
ok $? "an image that was never built is listed as missing"

export GOPROXY=http://proxy.test
images build good
ok $? "a small image is built, and what it stands on"
said "good: step" && said "make the good one" && said "good: built in"
ok $? "the build says what it is doing"
images list --json && [ "$(field good state)" = current ] && [ "$(field builder state)" = current ]
ok $? "what was built is listed as current"
ref=$(field good ref)
id=$(docker create "$ref") && docker export "$id" >"$made/good.tar" && docker rm "$id" >/dev/null
tar -xOf "$made/good.tar" version 2>/dev/null | grep -qx 'version 1 proxy http://proxy.test'
ok $? "versions and the host's GOPROXY reach the build"

images build good && said "every image is current" && [ "$(wc -l <"$made/err")" -eq 1 ]
ok $? "the second time there is nothing to do, and nothing else is said"
docker rmi "$ref" >/dev/null	# "latest" still holds it
images build good && said "good: taken from the cache" && ! said "step"
ok $? "without its tag it comes from the engine's cache, quietly"

# --- the CA bundle ----------------------------------------------------------------------
mark=Q0JUIGNlcnRpZmljYXRlIG1hcmtlciA0NzExCg
images list --json
docker run --rm "$(field builder ref)" cat /build/host-ca.crt 2>/dev/null | grep -qF $mark
ok $? "the builder has the host's CA bundle"
[ -s "$made/good.tar" ] && ! grep -qaF $mark "$made/good.tar" && ! docker history --no-trunc "$ref" | grep -qF $mark
ok $? "an image built with it has not"
sed 's/NzEx/NzEy/' "$made/ca.crt" >"$made/ca2.crt"
CLAUDE_BOTTLE_CA_BUNDLE=$made/ca2.crt images list --json
[ "$(field builder state)" = stale ] && [ "$(field good state)" = current ]
ok $? "a new certificate on the host makes only the builder stale"
cp "$made/ca.crt" "$made/key.pem"
printf -- '-----BEGIN EC PRIVATE KEY-----\nx\n-----END EC PRIVATE KEY-----\n' >>"$made/key.pem"
CLAUDE_BOTTLE_CA_BUNDLE=$made/key.pem images list
[ $? -eq 2 ] && said "private key"
ok $? "a CA bundle with a private key in it is refused"

# --- change -----------------------------------------------------------------------------
echo "two $made" >"$data/sidecar/good/text"
images list --json && [ "$(field good state)" = stale ] && [ "$(field good ref)" != "$ref" ] &&
	[ "$(field good size)" -gt 0 ]
ok $? "a changed source makes the image stale"
images build good && images list --json && [ "$(field good state)" = current ]
ok $? "and a build makes it current"
docker image inspect "$ref" >/dev/null 2>&1
ok $? "the image of before is still there under its own tag"

# --- failures ---------------------------------------------------------------------------
images build bad good
[ $? -eq 1 ] && said "image bad: step" && said "the bad step: ended with code 7" && said "disk on fire"
ok $? "a failing build says the step, the code and the program's last words"
images build module
[ $? -eq 1 ] && said "example.test/tool@v9" && said "403 Forbidden" && said "CLAUDE_BOTTLE_MODULE_IMAGE=ref" && said GOPROXY
ok $? "a Go module that the proxy refuses is named, and what to do"
echo "three $made" >"$data/sidecar/good/text"
images build bad good
[ $? -eq 1 ] && said "good: built in"
ok $? "an image that fails does not keep the others from being made"
images build nosuch
[ $? -eq 2 ] && said "there is no image 'nosuch'"
ok $? "an unknown name is a usage error"
DOCKER_HOST=unix://$made/none images list
[ $? -eq 3 ]
ok $? "no engine is exit code 3"
(
	export CLAUDE_BOTTLE_DATADIR=$made/copy
	cp -r "$data" "$made/copy" && echo 'lower=1' >>"$made/copy/images/versions"
	images list
	[ $? -eq 2 ] && said "images/versions:4: not NAME=value"
)
ok $? "a fault in versions is reported with its line"

# --- pulling ----------------------------------------------------------------------------
CLAUDE_BOTTLE_GOOD_IMAGE=127.0.0.1:1/none:1 images pull good
[ $? -eq 1 ] && said "pulling 127.0.0.1:1/none:1" && said "it cannot be pulled: " && said "connection refused"
ok $? "a pull that fails says the engine's words"
CLAUDE_BOTTLE_GOOD_IMAGE=$base images list --json
[ "$(field good state)" = current ] && [ "$(field good ref)" = "$base" ] && [ "$(field good named)" = true ]
ok $? "an image named by the environment is used as it is"
(
	export CLAUDE_BOTTLE_DATADIR=$made/pipelock
	cp -r "$data" "$made/pipelock"
	mkdir "$made/pipelock/images/pipelock"
	printf 'ARG BASE\nFROM ${BASE}\nRUN : stand in; true\n' >"$made/pipelock/images/pipelock/Dockerfile"
	printf 'PIPELOCK_IMAGE=127.0.0.1:1/pipelock:1\nPIPELOCK_DIGEST=sha256:%064d\n' 1 >>"$made/pipelock/images/versions"
	images build pipelock && said "cannot be pulled" && said "building it here" && said "pipelock: built in" &&
		images build pipelock && said "every image is current"
)
ok $? "what cannot be pulled by its digest is built from the same folder"

# --- no registry and no mirror -------------------------------------------------------------
(
	unset CLAUDE_BOTTLE_BASE_IMAGE
	export CLAUDE_BOTTLE_DATADIR=$made/root TMPDIR=$made/tmp CLAUDE_BOTTLE_DEBIAN_MIRROR=http://127.0.0.1:1/debian
	cp -r "$data" "$made/root" && mkdir "$made/tmp"
	printf 'DEBIAN_SUITE=trixie\nDEBIAN_IMAGE=127.0.0.1:1/debian:trixie-slim\n' >>"$made/root/images/versions"
	images build good
	[ $? -eq 1 ] && said "making it with debootstrap" && said "debootstrap ended with code" &&
		said "image good: it stands on builder, which could not be had" && said "image builder: it stands on base" &&
		[ -z "$(ls -A "$made/tmp")" ]
)
ok $? "without registry and mirror the cause is said for each image, and no tree is left"

# --- interruption ---------------------------------------------------------------------------
printf 'ARG BASE\nFROM ${BASE}\nLABEL cbt-images=1\nRUN : a long step; sleep 300\n' >"$data/images/bad/Dockerfile"
"$bottle" images build bad >"$made/out" 2>"$made/err" </dev/null &
pid=$!
for _ in $(seq 100); do said "a long step" && break; sleep 0.1; done
running() { docker ps -q --filter label=cbt-images | grep -q .; }
for _ in $(seq 50); do running && break; sleep 0.1; done
running
ok $? "a build runs in a container of the engine's"
kill -TERM $pid
wait $pid
[ $? -eq 1 ] && said "stopped"
ok $? "an interrupted build ends and says so"
for _ in $(seq 150); do running || break; sleep 0.1; done
! running
ok $? "and the engine stops working on it"

# --- the real images: none has a certificate that only this host has ------------------------------
unset CLAUDE_BOTTLE_DATADIR CLAUDE_BOTTLE_IMAGE_REPO CLAUDE_BOTTLE_BASE_IMAGE CLAUDE_BOTTLE_CA_BUNDLE GOPROXY
images build agent resolver sidecar
ok $? "the real agent, resolver and sidecar are built, or are there"
images list --json
cp "$made/out" "$made/list"
# One line of each certificate that this host has and no Debian: public ones are in node and in Claude Code too.
docker run --rm "$base" cat /etc/ssl/certs/ca-certificates.crt >"$made/debian.crt" 2>/dev/null
find /usr/share/ca-certificates -name '*.crt' -exec cat {} + >>"$made/debian.crt" 2>/dev/null
bundle=${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}
{ grep -A 2 'BEGIN CERT' "$bundle" | grep -E '^[A-Za-z0-9+/]{60,}' | grep -vxFf "$made/debian.crt"; echo "$mark"; } >"$made/own"
for name in agent resolver sidecar; do
	cp "$made/list" "$made/out"
	id=$(docker create "$(field $name ref)" none)
	docker export "$id" >"$made/image.tar"
	docker rm "$id" >/dev/null
	[ -s "$made/image.tar" ] && ! grep -qaFf "$made/own" "$made/image.tar"
	ok $? "the real $name has no certificate of this host ($(wc -l <"$made/own") looked for)"
done
agent=$(field agent ref)
docker run --rm --cap-drop ALL --security-opt no-new-privileges "$agent" sh -c \
	'[ "$(id -u)" = 1000 ] && claude --version && [ -w /workspace ] && [ -w "$HOME" ] && env | grep -x DISABLE_AUTOUPDATER=1' >"$made/out" 2>&1
ok $? "Claude Code runs in the agent image as uid 1000, its updater off"

echo "1..$tests"
[ $failures -eq 0 ]
