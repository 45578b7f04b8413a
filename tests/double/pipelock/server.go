package main

// The proxy's port: CONNECT, plain http, and the few pages of its own.

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

const maxTunnels = 1024

type server struct {
	path    string // of the configuration
	log     *eventLog
	stderr  io.Writer
	started time.Time
	first   *config // what restart-only settings were at start

	policy  atomic.Pointer[policy]
	nextID  atomic.Int64
	tunnels atomic.Int64
	signal  atomic.Bool // kill switch by SIGUSR1
	api     atomic.Bool // kill switch by its API
	stats   stats
}

func newServer(path string, p *policy, stdout, stderr io.Writer) *server {
	s := &server{path: path, stderr: stderr, started: time.Now(), first: p.config,
		log: &eventLog{out: stdout, includeAllowed: p.Logging.IncludeAllowed, includeBlocked: p.Logging.IncludeBlocked}}
	s.policy.Store(p)
	return s
}

// killSource says what holds the kill switch down; "" when nothing does.
func (s *server) killSource() string {
	k := &s.policy.Load().KillSwitch
	switch {
	case k.Enabled:
		return "config"
	case s.api.Load():
		return "api"
	case s.signal.Load():
		return "signal"
	}
	if k.SentinelFile != "" {
		if _, err := os.Stat(k.SentinelFile); err == nil {
			return "sentinel"
		}
	}
	return ""
}

func (s *server) denyKilled(transport, endpoint, source, clientIP string) {
	s.log.write("info", "kill_switch_deny", field{"transport", transport}, field{"endpoint", endpoint},
		field{"source", source}, field{"deny_message", s.policy.Load().KillSwitch.Message},
		field{"client_ip", clientIP})
	s.stats.block(transport)
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v)
}

func (s *server) writeKilled(w http.ResponseWriter) {
	writeJSON(w, http.StatusServiceUnavailable, map[string]string{"error": "kill_switch_active",
		"message": s.policy.Load().KillSwitch.Message})
}

func agentName(p *policy, h http.Header) string {
	name := p.DefaultAgentIdentity
	if claimed := h.Get("X-Pipelock-Agent"); claimed != "" && !p.BindDefaultAgentIdentity {
		name = strings.Map(func(r rune) rune {
			if r == '-' || r == '_' || r == '.' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
				return r
			}
			return -1
		}, claimed)
		name = name[:min(len(name), 64)]
	}
	if name == "" {
		return "anonymous"
	}
	return name
}

func (s *server) about(p *policy, r *http.Request) about {
	ip, _, _ := net.SplitHostPort(r.RemoteAddr)
	return about{method: r.Method, clientIP: ip, id: "req-" + strconv.FormatInt(s.nextID.Add(1), 10),
		agent: agentName(p, r.Header)}
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ip, _, _ := net.SplitHostPort(r.RemoteAddr)
	source := s.killSource()
	switch {
	case r.Method == http.MethodConnect && source != "":
		s.denyKilled("connect", "", source, ip)
		s.writeKilled(w)
	case r.Method == http.MethodConnect:
		s.connect(w, r)
	case source != "" && !(r.URL.Path == "/health" && !r.URL.IsAbs() && s.policy.Load().KillSwitch.HealthExempt):
		s.denyKilled("http", r.URL.Path, source, ip)
		s.writeKilled(w)
	case r.URL.IsAbs():
		s.forward(w, r)
	default:
		s.local(w, r)
	}
}

func (s *server) local(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == "/health":
		s.health(w)
	case s.first.MetricsListen == "" && (r.URL.Path == "/metrics" || r.URL.Path == "/stats"):
		s.numbers(w, r)
	case s.first.KillSwitch.APIListen == "" && strings.HasPrefix(r.URL.Path, "/api/v1/killswitch"):
		s.killAPI(w, r)
	default:
		http.NotFound(w, r)
	}
}

func (s *server) killAPI(w http.ResponseWriter, r *http.Request) {
	token := s.policy.Load().KillSwitch.APIToken
	if token == "" {
		http.Error(w, "kill switch API is not configured", http.StatusServiceUnavailable)
		return
	}
	if r.Header.Get("Authorization") != "Bearer "+token {
		http.Error(w, "unauthorized", http.StatusUnauthorized)
		return
	}
	if r.Method == http.MethodPost && r.URL.Path == "/api/v1/killswitch" {
		var body struct {
			Active bool `json:"active"`
		}
		if err := json.NewDecoder(io.LimitReader(r.Body, 4096)).Decode(&body); err != nil {
			http.Error(w, "bad request", http.StatusBadRequest)
			return
		}
		s.api.Store(body.Active)
		writeJSON(w, http.StatusOK, map[string]any{"active": body.Active, "source": "api", "message": s.policy.Load().KillSwitch.Message})
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"active": s.killSource() != "", "sources": map[string]bool{
		"api": s.api.Load(), "config": s.policy.Load().KillSwitch.Enabled, "sentinel": s.killSource() == "sentinel",
		"signal": s.signal.Load()}})
}

// refuseURL writes the line of a refusal of the URL pipeline, and the answer,
// whose text is prefix and the reason. False when enforce is off: it passes.
func (s *server) refuseURL(w http.ResponseWriter, p *policy, a about, r *refusal, prefix string) bool {
	if !p.Enforce {
		s.log.anomaly(a, r.scanner, r.reason, 1)
		return false
	}
	s.log.blocked(a, r.scanner, r.reason)
	s.stats.block(r.scanner)
	if h := hint(r.scanner); p.ExplainBlocks && h != "" {
		w.Header().Set("X-Pipelock-Hint", h)
	}
	http.Error(w, prefix+r.reason, r.status)
	return true
}

func hostPort(target string) (host, port string, err error) {
	host, port, err = net.SplitHostPort(target)
	if err != nil {
		return "", "", err
	}
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
		return "", "", fmt.Errorf("port %q", port)
	}
	return host, port, nil
}

func (s *server) connect(w http.ResponseWriter, r *http.Request) {
	p := s.policy.Load()
	a := s.about(p, r)
	a.target = r.Host
	host, port, err := hostPort(r.Host)
	w.Header().Set("Connection", "close")
	if !p.ForwardProxy.Enabled {
		http.Error(w, "CONNECT not supported", http.StatusMethodNotAllowed)
		return
	}
	if err != nil || host == "" {
		http.Error(w, "CONNECT blocked: invalid target", http.StatusBadRequest)
		return
	}
	if header, names := p.checkHeaders(r.Header); header != "" {
		s.log.headerDLP(a, header, p.RequestBodyScanning.Action, names)
		if p.RequestBodyScanning.Action == "block" {
			s.stats.block("header_dlp")
			http.Error(w, "CONNECT blocked: header DLP match", http.StatusForbidden)
			return
		}
	}
	u := &url.URL{Scheme: "https", Host: net.JoinHostPort(host, port), Path: "/"}
	addrs, no := p.checkURL(r.Context(), u, func(x *pattern) { s.log.dlpWarn(a, x, "connect") })
	if no != nil && s.refuseURL(w, p, a, no, "CONNECT blocked: ") {
		return
	}
	if s.tunnels.Add(1) > maxTunnels {
		s.tunnels.Add(-1)
		http.Error(w, "too many active tunnels", http.StatusServiceUnavailable)
		return
	}
	defer s.tunnels.Add(-1)
	s.stats.tunnel()
	upstream, err := dial(r.Context(), addrs, host, port)
	if err != nil {
		s.log.failed(a, err.Error())
		http.Error(w, "tunnel dial failed", http.StatusBadGateway)
		return
	}
	w.Header().Del("Connection")
	client, early, err := http.NewResponseController(w).Hijack()
	if err != nil {
		upstream.Close()
		return
	}
	client.SetDeadline(time.Time{})
	io.WriteString(client, "HTTP/1.1 200 Connection Established\r\n\r\n")
	t := &tunnel{s: s, p: p, a: a, host: host, port: port, addrs: addrs, client: client, upstream: upstream}
	if n := early.Reader.Buffered(); n > 0 {
		first, _ := early.Reader.Peek(n)
		t.client = &earlyConn{Conn: client, early: slices.Clone(first)}
	}
	if p.ca != nil && !p.isPassthrough(host) {
		t.intercept()
	} else {
		t.splice()
	}
}

// dial takes the addresses that were judged. There are none only where enforce
// is off and the look-up failed.
func dial(ctx context.Context, addrs []netip.Addr, host, port string) (net.Conn, error) {
	d := net.Dialer{Timeout: 10 * time.Second}
	if len(addrs) == 0 {
		return d.DialContext(ctx, "tcp", net.JoinHostPort(host, port))
	}
	var last error
	for _, a := range addrs {
		c, err := d.DialContext(ctx, "tcp", net.JoinHostPort(a.String(), port))
		if err == nil {
			return c, nil
		}
		last = err
	}
	return nil, last
}

// scanMessage looks at headers and body of a request that goes on. It writes
// lines and answer and returns false when it does not. inside: within a tunnel.
func (s *server) scanMessage(w http.ResponseWriter, r *http.Request, p *policy, a about, inside bool) ([]byte, bool) {
	b := &p.RequestBodyScanning
	block := b.Action == "block"
	if header, names := p.checkHeaders(r.Header); header != "" {
		const reason = "request header contains secret"
		switch {
		case !inside:
			s.log.headerDLP(a, header, b.Action, names)
		case block:
			s.log.blocked(a, "header_dlp", reason)
		default:
			s.log.anomaly(a, "header_dlp", reason, 0.8)
		}
		if block {
			s.stats.block("header_dlp")
			http.Error(w, "blocked: "+reason, http.StatusForbidden)
			return nil, false
		}
	}
	if !b.Enabled {
		return nil, true
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, b.MaxBodyBytes+1))
	if err != nil {
		http.Error(w, "blocked: request body cannot be read", http.StatusForbidden)
		return nil, false
	}
	return body, s.scanBody(w, r, p, a, body, inside)
}

func (s *server) scanBody(w http.ResponseWriter, r *http.Request, p *policy, a about, body []byte, inside bool) bool {
	action := p.RequestBodyScanning.Action
	found := p.checkBody(r.Header, body)
	for _, x := range found.warns {
		s.log.dlpWarn(a, x, map[bool]string{true: "intercept", false: "forward"}[inside])
	}
	reason, block := found.reason, true
	if reason == "" && len(found.names) > 0 {
		reason = "request body contains secret: " + strings.Join(found.names, ", ")
		block = action == "block"
	}
	switch {
	case reason == "":
		return true
	case !inside && found.reason == "":
		s.log.bodyDLP(a, action, found.names)
	case block:
		s.log.blocked(a, "body_dlp", reason)
	default:
		s.log.anomaly(a, "body_dlp", reason, 0.8)
	}
	if block {
		s.stats.block("body_dlp")
		http.Error(w, "blocked: "+reason, http.StatusForbidden)
	}
	return !block
}

var hopHeaders = []string{"Connection", "Proxy-Connection", "Keep-Alive", "Proxy-Authenticate",
	"Proxy-Authorization", "Te", "Trailer", "Transfer-Encoding", "Upgrade"}

func dropHopHeaders(h http.Header) {
	for _, name := range strings.Split(h.Get("Connection"), ",") {
		h.Del(strings.TrimSpace(name))
	}
	for _, name := range hopHeaders {
		h.Del(name)
	}
}

// outgoing is the request as it goes to the upstream.
func outgoing(r *http.Request, p *policy, u *url.URL, body []byte) *http.Request {
	out := r.Clone(r.Context())
	out.URL, out.RequestURI, out.Host = u, "", r.Host
	dropHopHeaders(out.Header)
	out.Header.Del("X-Pipelock-Agent")
	if p.ResponseScanning.Enabled {
		out.Header.Del("Accept-Encoding")
	}
	if p.RequestBodyScanning.Enabled {
		out.Body = http.NoBody
		if len(body) > 0 {
			out.Body = io.NopCloser(strings.NewReader(string(body)))
		}
		out.ContentLength = int64(len(body))
	}
	return out
}

func (s *server) forward(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	p := s.policy.Load()
	a := s.about(p, r)
	a.url = r.URL.String()
	if !p.ForwardProxy.Enabled {
		http.Error(w, "forward proxy not enabled", http.StatusMethodNotAllowed)
		return
	}
	addrs, no := p.checkURL(r.Context(), r.URL, func(x *pattern) { s.log.dlpWarn(a, x, "forward") })
	if no != nil && s.refuseURL(w, p, a, no, "blocked: ") {
		return
	}
	body, ok := s.scanMessage(w, r, p, a, false)
	if !ok {
		return
	}
	transport := &http.Transport{DisableCompression: true, DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
			host, port, err := hostPort(address)
			if err != nil {
				return nil, err
			}
			return dial(ctx, addrs, host, port)
		}}
	resp, err := transport.RoundTrip(outgoing(r, p, r.URL, body))
	if err != nil {
		s.log.failed(a, fmt.Sprintf("%s %q: %v", r.Method[:1]+strings.ToLower(r.Method[1:]), a.url, err))
		http.Error(w, "forward proxy fetch failed", http.StatusBadGateway)
		return
	}
	defer resp.Body.Close()
	size, ok := s.answer(w, resp, p, a, "response_scan")
	if !ok {
		return
	}
	s.stats.allow()
	if s.log.includeAllowed {
		s.log.write("info", "forward_http", field{"method", a.method}, field{"url", a.url},
			field{"client_ip?", a.clientIP}, field{"request_id?", a.id}, field{"agent?", a.agent},
			field{"status_code", resp.StatusCode}, field{"size_bytes", size},
			field{"duration_ms", milliseconds(time.Since(start))})
	}
}

// answer hands the upstream's response on. False, with line and 403 written,
// when it could not be scanned.
func (s *server) answer(w http.ResponseWriter, resp *http.Response, p *policy, a about, scanner string) (int64, bool) {
	limit := p.TLSInterception.MaxResponseBytes
	reason := ""
	if enc := resp.Header.Get("Content-Encoding"); p.ResponseScanning.Enabled && enc != "" && enc != "identity" {
		reason = "compressed response cannot be scanned"
	} else if p.ResponseScanning.Enabled && resp.ContentLength > limit {
		reason = "response too large for scanning"
	}
	if reason != "" {
		s.log.blocked(a, scanner, reason)
		s.stats.block(scanner)
		http.Error(w, "blocked: "+reason, http.StatusForbidden)
		return 0, false
	}
	dropHopHeaders(resp.Header)
	for name, values := range resp.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(resp.StatusCode)
	var size int64
	buf := make([]byte, 32*1024)
	control := http.NewResponseController(w)
	for {
		n, err := resp.Body.Read(buf)
		if size += int64(n); p.ResponseScanning.Enabled && size > limit && resp.Header.Get("Content-Type") != "text/event-stream" {
			s.log.blocked(a, scanner, "response too large for scanning")
			panic(http.ErrAbortHandler) // the head is out: only a broken end can say it
		}
		if _, werr := w.Write(buf[:n]); werr != nil {
			return size, true
		}
		if resp.ContentLength < 0 {
			control.Flush()
		}
		if err != nil {
			return size, true
		}
	}
}
