package main

// /health, /stats and /metrics.

import (
	"fmt"
	"net/http"
	"sort"
	"sync"
	"time"
)

type stats struct {
	mu          sync.Mutex
	allowed     int
	blocked     int
	tunnels     int
	intercepted int
	scanners    map[string]int
}

func (s *stats) add(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

func (s *stats) allow()     { s.add(func() { s.allowed++ }) }
func (s *stats) tunnel()    { s.add(func() { s.tunnels++ }) }
func (s *stats) intercept() { s.add(func() { s.intercepted++ }) }
func (s *stats) block(scanner string) {
	s.add(func() {
		if s.scanners == nil {
			s.scanners = map[string]int{}
		}
		s.blocked++
		s.scanners[scanner]++
	})
}

func (s *server) health(w http.ResponseWriter) {
	p := s.policy.Load()
	writeJSON(w, http.StatusOK, map[string]any{
		"status": "healthy", "version": version, "mode": p.Mode,
		"uptime_seconds": time.Since(s.started).Seconds(), "dlp_patterns": len(p.patterns),
		"response_scan_enabled": p.ResponseScanning.Enabled, "git_protection_enabled": false,
		"rate_limit_enabled": true, "forward_proxy_enabled": p.ForwardProxy.Enabled,
		"websocket_proxy_enabled": false, "request_body_scan_enabled": p.RequestBodyScanning.Enabled,
		"tls_interception_enabled": p.TLSInterception.Enabled, "kill_switch_active": s.killSource() != "",
	})
}

func (s *server) numbers(w http.ResponseWriter, r *http.Request) {
	s.stats.mu.Lock()
	defer s.stats.mu.Unlock()
	names := make([]string, 0, len(s.stats.scanners))
	for name := range s.stats.scanners {
		names = append(names, name)
	}
	sort.Strings(names)
	if r.URL.Path == "/metrics" {
		fmt.Fprintf(w, "pipelock_info{version=%q} 1\n", version)
		fmt.Fprintf(w, "pipelock_requests_total{agent=\"anonymous\",result=\"allowed\"} %d\n", s.stats.allowed)
		fmt.Fprintf(w, "pipelock_requests_total{agent=\"anonymous\",result=\"blocked\"} %d\n", s.stats.blocked)
		fmt.Fprintf(w, "pipelock_tunnels_total %d\npipelock_tls_intercept_total %d\npipelock_active_tunnels %d\n",
			s.stats.tunnels, s.stats.intercepted, s.tunnels.Load())
		for _, name := range names {
			fmt.Fprintf(w, "pipelock_scanner_hits_total{agent=\"anonymous\",scanner=%q} %d\n", name, s.stats.scanners[name])
		}
		return
	}
	top := []map[string]any{}
	for _, name := range names {
		top = append(top, map[string]any{"name": name, "count": s.stats.scanners[name]})
	}
	total := s.stats.allowed + s.stats.blocked
	rate := 0.0
	if total > 0 {
		rate = float64(s.stats.blocked) / float64(total)
	}
	writeJSON(w, http.StatusOK, map[string]any{"uptime_seconds": time.Since(s.started).Seconds(),
		"requests": map[string]any{"total": total, "allowed": s.stats.allowed, "blocked": s.stats.blocked, "block_rate": rate},
		"tunnels":  s.stats.tunnels, "websockets": 0, "top_scanners": top, "top_blocked_domains": []any{}})
}
