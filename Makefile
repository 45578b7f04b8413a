# claude-bottle: plain make, no configure step.
#
#   make            build/claude-bottle
#   make demo       set-up, images, and the main job on a real bottle
#   make test       set-up and every test; ends in "N passed, N failed"
#   make install    PREFIX=/usr/local DESTDIR=
#
# SAN=1 builds with ASan and UBSan into build/san. V=1 shows the commands.
# Local settings go into config.make.

-include config.make

PREFIX	?= /usr/local
BINDIR	?= $(PREFIX)/bin
DATADIR	?= $(PREFIX)/share/claude-bottle
MANDIR	?= $(PREFIX)/share/man
CC	?= cc
CLANG	?= clang
PKG_CONFIG ?= pkg-config

VERSION := 0.1.0

ifeq ($(SAN),1)
B := build/san
SANFLAGS := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
else
B ?= build
endif

ifeq ($(V),1)
Q :=
else
Q := @
endif
say = $(if $(Q),@printf '  %-7s %s\n' $(1) $(2))

WARN := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
	-Wpointer-arith -Wwrite-strings -Wvla -Wformat=2 -Wundef -Werror
OPT  ?= -O2 -g
ALL_CFLAGS = -std=gnu11 -D_GNU_SOURCE -D_FORTIFY_SOURCE=$(if $(SANFLAGS),0,2) -Isrc \
	$(OPT) $(WARN) $(SANFLAGS) -fstack-protector-strong -fPIE -MMD -MP $(CFLAGS)
ALL_LDFLAGS = -pie -Wl,-z,relro,-z,now $(SANFLAGS) $(LDFLAGS)

# Lazy, so that "make setup" works where pkg-config or the libraries are not there yet.
pkg_cflags = $(shell $(PKG_CONFIG) --cflags $(1))
pkg_libs   = $(shell $(PKG_CONFIG) --libs $(1))
CORE_PKGS   := libcjson libgit2 libcrypto libutf8proc sqlite3
DOCKER_PKGS := libcurl
UI_PKGS     := ncursesw
CORE_LIBS   = $(call pkg_libs,$(CORE_PKGS))
UI_LIBS     = $(call pkg_libs,$(UI_PKGS))
ALL_LIBS    = $(call pkg_libs,$(CORE_PKGS) $(DOCKER_PKGS) $(UI_PKGS))

CORE_SRC   := $(wildcard src/core/*.c)
DOCKER_SRC := $(wildcard src/docker/*.c)
UI_SRC     := $(wildcard src/ui/*.c)
REPLAY_SRC := $(wildcard src/replay/*.c)
CLI_SRC    := $(wildcard src/cli/*.c)
MAIN_SRC   := $(wildcard src/main.c)
SIDECAR_BOTTLE_SRC := $(wildcard src/sidecar/bottle/*.c)
SIDECAR_GATE_SRC   := $(wildcard src/sidecar/gate/*.c)

obj = $(patsubst %.c,$(B)/obj/%.o,$(1))

all: $(B)/claude-bottle

$(B)/obj/%.o: %.c
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -DVERSION='"$(VERSION)"' -DDATADIR='"$(DATADIR)"' -c -o $@ $<

$(B)/libcore.a: $(call obj,$(CORE_SRC))
$(B)/libdocker.a: $(call obj,$(DOCKER_SRC))
$(B)/libreplay.a: $(call obj,$(REPLAY_SRC))
$(B)/libui.a: $(call obj,$(UI_SRC))
# The built-in themes are the files themselves.
$(B)/obj/src/ui/theme_builtin.o: $(wildcard themes/*.json)
# The in-container programs are built inside images; here only for their unit tests.
$(B)/libsidecar.a: $(call obj,$(filter-out %/main.c,$(SIDECAR_BOTTLE_SRC)))
$(B)/libgate.a: $(call obj,$(filter-out %/main.c,$(SIDECAR_GATE_SRC)))
$(B)/lib%.a:
	$(call say,AR,$@)
	@mkdir -p $(@D)
	$(Q)rm -f $@ && ar rcs $@ $^

$(B)/claude-bottle: $(call obj,$(MAIN_SRC) $(CLI_SRC)) $(B)/libui.a $(B)/libdocker.a $(B)/libreplay.a $(B)/libcore.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(ALL_LIBS)

include tests/tests.mk

# --- set-up, demo, install ----------------------------------------------------

setup:
	scripts/setup

demo: setup
	$(MAKE) all
	scripts/demo

install: all
	install -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(DATADIR)
	install -m 0755 $(B)/claude-bottle $(DESTDIR)$(BINDIR)/claude-bottle
	cp -R assets/images $(DESTDIR)$(DATADIR)/images
	cp -R src/sidecar $(DESTDIR)$(DATADIR)/sidecar
	install -m 0644 assets/*.json $(DESTDIR)$(DATADIR)
	cp -R assets/recordings $(DESTDIR)$(DATADIR)/recordings
	cp -R themes $(DESTDIR)$(DATADIR)/themes
	$(if $(wildcard docs/claude-bottle.1),install -D -m 0644 docs/claude-bottle.1 $(DESTDIR)$(MANDIR)/man1/claude-bottle.1)

uninstall:
	rm -f $(DESTDIR)$(BINDIR)/claude-bottle $(DESTDIR)$(MANDIR)/man1/claude-bottle.1
	rm -rf $(DESTDIR)$(DATADIR)

clean:
	rm -rf build compile_commands.json

dist:
	@mkdir -p dist
	git archive --format=tar --prefix=claude-bottle-$(VERSION)/ HEAD | gzip -n9 > dist/claude-bottle-$(VERSION).tar.gz
	cd dist && sha256sum claude-bottle-$(VERSION).tar.gz | tee claude-bottle-$(VERSION).tar.gz.sha256

.PHONY: all setup demo install uninstall clean dist
.DELETE_ON_ERROR:
.SECONDARY:

-include $(shell find build -name '*.d' 2>/dev/null)
