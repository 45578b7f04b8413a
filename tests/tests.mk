# Tests. Each test program prints TAP; tests/run adds them up.
#
#   tests/unit/core/test_*.c      link libcore alone
#   tests/unit/docker/test_*.c    link libdocker and libcore, no engine
#   tests/unit/ui/test_*.c        link libui and libcore, no terminal
#   tests/unit/replay/test_*.c    link libreplay and libcore
#   tests/unit/sidecar/test_*.c   link the in-container programs' objects
#   tests/cli/*.sh              the command line, no engine
#   tests/engine/*.sh             drive the real binary on a real engine
#   tests/screen/test_*.sh        real programs' screens
#   tests/fuzz/fuzz_*.c           LLVMFuzzerTestOneInput; replayed over the corpus in "make test"

UNIT_CORE    := $(patsubst tests/unit/%.c,$(B)/tests/%,$(wildcard tests/unit/core/test_*.c))
UNIT_DOCKER  := $(patsubst tests/unit/%.c,$(B)/tests/%,$(wildcard tests/unit/docker/test_*.c))
UNIT_UI      := $(patsubst tests/unit/%.c,$(B)/tests/%,$(wildcard tests/unit/ui/test_*.c))
UNIT_REPLAY  := $(patsubst tests/unit/%.c,$(B)/tests/%,$(wildcard tests/unit/replay/test_*.c))
UNIT_SIDECAR := $(patsubst tests/unit/%.c,$(B)/tests/%,$(wildcard tests/unit/sidecar/test_bottle_*.c))
UNIT_GATE    := $(patsubst tests/unit/%.c,$(B)/tests/%,$(wildcard tests/unit/sidecar/test_gate_*.c))
UNIT := $(UNIT_CORE) $(UNIT_DOCKER) $(UNIT_UI) $(UNIT_REPLAY) $(UNIT_SIDECAR) $(UNIT_GATE)
FUZZ := $(patsubst tests/fuzz/%.c,$(B)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
ENGINE_TESTS := $(sort $(wildcard tests/engine/test_*.sh))

TEST_CFLAGS = $(ALL_CFLAGS) -Itests
TEST_LIBS   = -lcmocka

$(UNIT_CORE): $(B)/tests/%: tests/unit/%.c $(B)/libcore.a
	$(call say,TEST,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(TEST_CFLAGS) $(ALL_LDFLAGS) -o $@ $< $(B)/libcore.a $(CORE_LIBS) $(TEST_LIBS)

$(UNIT_DOCKER): $(B)/tests/%: tests/unit/%.c $(B)/libdocker.a $(B)/libcore.a
	$(call say,TEST,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(TEST_CFLAGS) $(ALL_LDFLAGS) -o $@ $< $(B)/libdocker.a $(B)/libcore.a $(ALL_LIBS) $(TEST_LIBS)

$(UNIT_UI): $(B)/tests/%: tests/unit/%.c $(B)/libui.a $(B)/libcore.a
	$(call say,TEST,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(TEST_CFLAGS) $(ALL_LDFLAGS) -o $@ $< $(B)/libui.a $(B)/libcore.a $(CORE_LIBS) $(UI_LIBS) $(TEST_LIBS)

$(UNIT_REPLAY): $(B)/tests/%: tests/unit/%.c $(B)/libreplay.a $(B)/libcore.a
	$(call say,TEST,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(TEST_CFLAGS) $(ALL_LDFLAGS) -o $@ $< $(B)/libreplay.a $(B)/libcore.a $(CORE_LIBS) $(TEST_LIBS)

$(UNIT_SIDECAR): $(B)/tests/%: tests/unit/%.c $(B)/libsidecar.a
	$(call say,TEST,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(TEST_CFLAGS) $(ALL_LDFLAGS) -o $@ $< $(B)/libsidecar.a $(call pkg_libs,libcjson) $(TEST_LIBS)

$(UNIT_GATE): $(B)/tests/%: tests/unit/%.c $(B)/libgate.a
	$(call say,TEST,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(TEST_CFLAGS) $(ALL_LDFLAGS) -o $@ $< $(B)/libgate.a $(call pkg_libs,libcjson) $(TEST_LIBS)

# Replays the corpus with any compiler; "make fuzz" explores with libFuzzer.
$(FUZZ): $(B)/fuzz/%: tests/fuzz/%.c tests/fuzz/driver.c $(B)/libui.a $(B)/libdocker.a $(B)/libreplay.a $(B)/libcore.a
	$(call say,FUZZ,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(TEST_CFLAGS) $(ALL_LDFLAGS) -o $@ $< tests/fuzz/driver.c $(B)/libui.a $(B)/libdocker.a $(B)/libreplay.a $(B)/libcore.a $(ALL_LIBS)

# Bytes on stdin, the terminal emulator's final grid as text on stdout; and a
# recorder of what a program writes to its terminal, and a watch on what it shows when.
$(B)/tests/vtdump $(B)/tests/ptyrec $(B)/tests/ptywatch: $(B)/tests/%: tests/%.c $(B)/libcore.a
	$(call say,TEST,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(TEST_CFLAGS) $(ALL_LDFLAGS) -o $@ $< $(B)/libcore.a $(CORE_LIBS)

# What the program shows, as SVG: docs/screens.
$(B)/tests/screenshot: tests/screenshot.c $(B)/libcore.a
	$(call say,TEST,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(TEST_CFLAGS) $(ALL_LDFLAGS) -o $@ $< $(B)/libcore.a $(CORE_LIBS)

screenshots: all $(B)/tests/screenshot
	B=$(B) scripts/screenshots

# The dashboard's screens, as a terminal shows them, against their goldens.
screen: all
	tests/run tests/screen/test_dashboard.sh

# Recorded streams of real programs: our grid against tmux's.
screen-vt: $(B)/tests/vtdump $(B)/tests/ptyrec
	B=$(B) tests/run tests/screen/test_vt_tmux.sh

# Between the program and the engine: lets one request fail.
$(B)/tests/faultproxy: tests/engine/faultproxy.c $(B)/libcore.a
	$(call say,TEST,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(TEST_CFLAGS) $(ALL_LDFLAGS) -o $@ $< $(B)/libcore.a

# Everything, from a machine with nothing but make on it.
test:
	scripts/setup
	$(MAKE) -j$$(nproc) all test-programs
	$(MAKE) -j$$(nproc) SAN=1 all test-programs
	$(MAKE) -j$$(nproc) fuzz-programs
	tests/all

test-programs: $(UNIT) $(FUZZ) $(B)/tests/vtdump $(B)/tests/ptyrec $(B)/tests/ptywatch $(B)/tests/faultproxy

fuzz-programs: $(patsubst tests/fuzz/%.c,build/libfuzzer/%,$(wildcard tests/fuzz/fuzz_*.c))

unit: $(UNIT) $(FUZZ)
	tests/run $(UNIT) $(foreach f,$(FUZZ),$(f):tests/fuzz/corpus/$(notdir $(f)))

# The unit tests, and the program with a launch on the engine. "make test" runs it too.
valgrind: all $(UNIT) build/tests/faultproxy
	tests/run $(foreach u,$(UNIT),valgrind:$(u)) tests/engine/test_valgrind.sh

# libFuzzer, FUZZ_SECONDS each; findings go to build/fuzz-findings.
FUZZ_SECONDS ?= 60
FUZZ_CFLAGS := -std=gnu11 -D_GNU_SOURCE -Isrc -Itests -g -O1 -fno-sanitize-recover=all \
	-DVERSION='"fuzz"' -DDATADIR='""'
FUZZ_OBJ := $(patsubst %.c,build/libfuzzer/obj/%.o,$(CORE_SRC) $(DOCKER_SRC) $(REPLAY_SRC) $(UI_SRC))

build/libfuzzer/obj/%.o: %.c
	$(call say,CLANG,$<)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(FUZZ_CFLAGS) -fsanitize=fuzzer-no-link,address,undefined -MMD -MP -c -o $@ $<

build/libfuzzer/libfuzzed.a: $(FUZZ_OBJ)
	$(Q)rm -f $@ && ar rcs $@ $^

build/libfuzzer/%: tests/fuzz/%.c build/libfuzzer/libfuzzed.a
	$(call say,CLANG,$@)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(FUZZ_CFLAGS) -fsanitize=fuzzer,address,undefined -o $@ $< build/libfuzzer/libfuzzed.a $(ALL_LIBS)

fuzz: $(patsubst tests/fuzz/%.c,build/libfuzzer/%,$(wildcard tests/fuzz/fuzz_*.c))
	@for f in $^; do n=$$(basename $$f); mkdir -p build/fuzz-findings/$$n build/fuzz-corpus/$$n; \
		echo "== $$n: $(FUZZ_SECONDS) s"; \
		$$f -max_total_time=$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
			$$(ls tests/fuzz/$$n.dict 2>/dev/null | sed 's/^/-dict=/') \
			-artifact_prefix=build/fuzz-findings/$$n/ build/fuzz-corpus/$$n tests/fuzz/corpus/$$n \
			>build/fuzz-findings/$$n.log 2>&1 || { tail -40 build/fuzz-findings/$$n.log; exit 1; }; \
		grep -E 'stat::(number_of_executed_units|new_units_added)' build/fuzz-findings/$$n.log; done

# --- benchmarks ----------------------------------------------------------------

$(B)/bench/%: tests/bench/%.c $(B)/libui.a $(B)/libdocker.a $(B)/libcore.a
	$(call say,BENCH,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(TEST_CFLAGS) $(ALL_LDFLAGS) -o $@ $< $(B)/libui.a $(B)/libdocker.a $(B)/libcore.a $(ALL_LIBS)

# A launch, and ten, beside the docker CLI doing the same steps; BENCH_RUNS of each.
bench-launch: all
	tests/bench/bench-launch

# From a client's 403 to the block on the screen, on a real engine.
bench-block: all $(B)/tests/ptywatch
	tests/bench/bench-block

# A key's echo from an agent in its bottle, beside tmux with docker attach.
bench-echo: all $(B)/bench/bench_screen
	tests/bench/bench-echo

bench-lines: $(B)/bench/bench_lines
	$<

# The terminal emulator against tmux, both without drawing.
bench-vt: $(B)/bench/bench_vt $(B)/tests/ptyrec
	B=$(B) tests/bench/streams.sh $(B)/bench/bench_vt

# All of it in one run.
bench-terminal: all $(B)/bench/bench_vt $(B)/bench/bench_screen $(B)/bench/bench_diff \
		$(B)/bench/bench_lines $(B)/tests/core/test_vt_width $(B)/tests/ptyrec
	B=$(B) tests/bench/terminal.sh

bench-diff: $(B)/bench/bench_diff
	$<

# The whole dashboard on a terminal against tmux on one, both with programs on ptys.
bench-screen: $(B)/bench/bench_screen $(B)/tests/ptyrec
	B=$(B) tests/bench/streams.sh $(B)/bench/bench_screen

# The whole program: 64 sessions that repaint ten times a second, 1,000 events a second.
bench-dashboard: all $(B)/bench/bench_dashboard
	$(B)/bench/bench_dashboard $(B)/claude-bottle

# The store: log lines a second, and queries over a million events.
bench-store: $(B)/bench/bench_store
	$<

# --- checks --------------------------------------------------------------------

check-deps:
	tests/check-deps

check-style:
	tests/check-style

check: check-deps check-style

# Slower: what clang, gcc -fanalyzer, clang-tidy and cppcheck say of src.
lint:
	@CLANG='$(CLANG)' LINT_CFLAGS='-std=gnu11 -D_GNU_SOURCE $(WARN)' tests/lint


# Opens the screen and shows every style and event; q quits. For a real terminal, or tmux.
$(B)/tests/uitest: tests/uitest.c $(B)/libui.a $(B)/libcore.a
	$(call say,TEST,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(TEST_CFLAGS) $(ALL_LDFLAGS) -o $@ $< $(B)/libui.a $(B)/libcore.a $(CORE_LIBS) $(UI_LIBS)

.PHONY: lint test valgrind bench-launch test-programs fuzz-programs unit screen screen-vt fuzz bench-lines bench-vt bench-diff check check-deps check-style

.PHONY: bench-block bench-echo bench-store bench-dashboard bench-terminal bench-screen screenshots
