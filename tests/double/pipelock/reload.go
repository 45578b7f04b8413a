package main

// Hot reload: the configuration's folder is watched, a changed file is read
// once it has been still for 100 ms, and in strict mode nothing of a long list
// may be loosened: such a file is refused whole.

import (
	"context"
	"fmt"
	"os"
	"slices"
	"syscall"
	"time"
)

const (
	watchEvery = 50 * time.Millisecond
	debounce   = 100 * time.Millisecond
	silence    = 2 * time.Second // the same content again within this says nothing
)

// loosened names what a new configuration would allow that the old one refuses.
func loosened(old, new *config) []string {
	var out []string
	say := func(is bool, format string, args ...any) {
		if is {
			out = append(out, fmt.Sprintf(format, args...))
		}
	}
	rank := map[string]int{"strict": 2, "balanced": 1, "audit": 0}
	say(rank[new.Mode] < rank[old.Mode], "mode - changed from %s to %s", old.Mode, new.Mode)
	say(old.Enforce && !new.Enforce, "enforce - disabled")
	say(grew(old.TLSInterception.PassthroughDomains, new.TLSInterception.PassthroughDomains),
		"tls_interception.passthrough_domains - domains added")
	say(grew(old.TrustedDomains, new.TrustedDomains), "trusted_domains - domains added")
	say(grew(old.SSRF.IPAllowlist, new.SSRF.IPAllowlist), "ssrf.ip_allowlist - ranges added")
	say(grew(new.Internal, old.Internal), "internal - ranges removed")
	say(!sameSet(old.ResponseScanning.ExemptDomains, new.ResponseScanning.ExemptDomains),
		"response_scanning.exempt_domains - changed")
	say(grew(old.FetchProxy.Monitoring.SubdomainEntropyExclusions, new.FetchProxy.Monitoring.SubdomainEntropyExclusions),
		"fetch_proxy.monitoring.subdomain_entropy_exclusions - entries added")
	for _, p := range old.patterns {
		i := slices.IndexFunc(new.patterns, func(q *pattern) bool { return q.name == p.name })
		switch {
		case i < 0:
			say(true, "dlp.patterns - pattern %q removed", p.name)
		case new.patterns[i].source != p.source:
			say(true, "dlp.patterns - regex of %q changed", p.name)
		case new.patterns[i].warn && !p.warn:
			say(true, "dlp.patterns - %q only warns", p.name)
		}
	}
	say(old.DLP.SecretsFile != "" && new.DLP.SecretsFile == "", "dlp.secrets_file - removed")
	say(old.DLP.ScanEnv && !new.DLP.ScanEnv, "dlp.scan_env - disabled")
	for _, x := range []struct {
		name     string
		old, new bool
	}{
		{"forward_proxy", old.ForwardProxy.Enabled, new.ForwardProxy.Enabled},
		{"forward_proxy.sni_verification", old.ForwardProxy.SNIVerification, new.ForwardProxy.SNIVerification},
		{"websocket_proxy", old.WebsocketProxy.Enabled, new.WebsocketProxy.Enabled},
		{"tls_interception", old.TLSInterception.Enabled, new.TLSInterception.Enabled},
		{"request_body_scanning", old.RequestBodyScanning.Enabled, new.RequestBodyScanning.Enabled},
		{"response_scanning", old.ResponseScanning.Enabled, new.ResponseScanning.Enabled},
		{"seed_phrase_detection", old.SeedPhraseDetection.Enabled, new.SeedPhraseDetection.Enabled},
		{"taint", old.Taint.Enabled, new.Taint.Enabled},
	} {
		say(x.old && !x.new, "%s - disabled", x.name)
	}
	return out
}

func grew(old, new []string) bool {
	return slices.ContainsFunc(new, func(s string) bool { return !slices.Contains(old, s) })
}

func sameSet(a, b []string) bool { return !grew(a, b) && !grew(b, a) }

func (s *server) failReload(err error) {
	fmt.Fprintf(s.stderr, "pipelock: config reload failed: %v\n", err)
}

func (s *server) refuseReload(fields []string) {
	for _, f := range fields {
		fmt.Fprintf(s.stderr, "WARNING: config reload: %s\n", f)
	}
	for range 2 {
		s.log.write("error", "error", field{"method", "CONFIG_RELOAD"}, field{"resource", s.path},
			field{"error", "rejected: security downgrade from strict mode"})
	}
}

// reload reads the file and puts it in force, or says why not.
func (s *server) reload() {
	old := s.policy.Load()
	c, warnings, err := loadConfig(s.path)
	if err != nil {
		s.failReload(err)
		return
	}
	if c.ForwardProxy.Enabled && !old.ForwardProxy.Enabled {
		s.failReload(fmt.Errorf("forward_proxy cannot be enabled by a reload: restart"))
		return
	}
	if c.WebsocketProxy.Enabled && !old.WebsocketProxy.Enabled {
		s.failReload(fmt.Errorf("websocket_proxy cannot be enabled by a reload: restart"))
		return
	}
	if old.Mode == "strict" {
		if fields := loosened(old.config, c); len(fields) > 0 {
			s.refuseReload(fields)
			return
		}
	}
	for _, ignored := range []struct {
		name     string
		old, new string
	}{{"metrics_listen", s.first.MetricsListen, c.MetricsListen},
		{"kill_switch.api_listen", s.first.KillSwitch.APIListen, c.KillSwitch.APIListen}} {
		if ignored.old != ignored.new {
			warnings = append(warnings, ignored.name+" - requires a restart, ignored")
		}
	}
	p, err := newPolicy(c)
	if err != nil {
		s.failReload(err)
		return
	}
	for _, w := range warnings {
		fmt.Fprintf(s.stderr, "WARNING: config reload: %s\n", w)
	}
	s.policy.Store(p)
	s.log.write("info", "config_reload", field{"status", "success"}, field{"detail", "mode=" + c.Mode},
		field{"config_hash", c.hash})
}

// signature changes whenever the file is written, replaced or made anew.
func signature(path string) string {
	st, err := os.Stat(path)
	if err != nil {
		return ""
	}
	sys := st.Sys().(*syscall.Stat_t)
	return fmt.Sprint(sys.Ino, st.Size(), sys.Mtim, sys.Ctim)
}

// watch until ctx ends; hup asks for a reload at once.
func (s *server) watch(ctx context.Context, hup <-chan os.Signal) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	seen, pending := signature(s.path), ""
	var since, lastReload time.Time
	lastHash := s.policy.Load().hash
	if fileHash(s.path) != lastHash {
		seen = "" // changed between start and now
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-hup:
			s.reload()
			lastReload, lastHash = time.Now(), fileHash(s.path)
		case <-tick.C:
			now := signature(s.path)
			if now == "" || now == seen {
				continue
			}
			if now != pending {
				pending, since = now, time.Now()
				continue
			}
			if time.Since(since) < debounce {
				continue
			}
			seen = now
			if hash := fileHash(s.path); hash == lastHash && time.Since(lastReload) < silence {
				continue
			} else {
				s.reload()
				lastReload, lastHash = time.Now(), hash
			}
		}
	}
}
