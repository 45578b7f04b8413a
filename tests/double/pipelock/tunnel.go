package main

// What happens after "200 Connection Established": an intercepted tunnel, whose
// requests are judged one by one, or bytes handed through unseen.

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const helloTimeout = 5 * time.Second

type tunnel struct {
	s          *server
	p          *policy // the one that it was opened with, to its end
	a          about   // of the CONNECT; its id is every request's
	host, port string
	addrs      []netip.Addr
	client     net.Conn
	upstream   net.Conn
}

// earlyConn gives first what was read together with the CONNECT.
type earlyConn struct {
	net.Conn
	early []byte
}

func (c *earlyConn) Read(b []byte) (int, error) {
	if len(c.early) > 0 {
		n := copy(b, c.early)
		c.early = c.early[n:]
		return n, nil
	}
	return c.Conn.Read(b)
}

func (c *earlyConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return c.Conn.Close()
}

func (t *tunnel) lifetime() time.Duration {
	return time.Duration(t.p.ForwardProxy.MaxTunnelSeconds) * time.Second
}

func (t *tunnel) idle() time.Duration {
	return time.Duration(t.p.ForwardProxy.IdleTimeoutSeconds) * time.Second
}

// --- intercepted ---------------------------------------------------------------

// oneConn is a listener that has one connection to give.
type oneConn struct {
	conn chan net.Conn
	addr net.Addr
	done chan struct{}
}

func (l *oneConn) Accept() (net.Conn, error) {
	select {
	case c := <-l.conn:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}
func (l *oneConn) Close() error   { return nil }
func (l *oneConn) Addr() net.Addr { return l.addr }

func (t *tunnel) intercept() {
	t.s.log.anomaly(t.a, "tls_intercept", "TLS MITM interception active", 0)
	t.s.stats.intercept()
	conf := &tls.Config{NextProtos: []string{"h2", "http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return t.p.ca.leaf(t.host) }}
	// The line that real tunnels end with: the connection is closed twice.
	defer func() {
		if err := t.client.Close(); err != nil {
			t.s.log.write("error", "error", field{"method", "close"}, field{"error", "clientConn: " + err.Error()})
		}
	}()
	conn := tls.Server(t.client, conf)
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	if err := conn.Handshake(); err != nil {
		t.s.log.blocked(t.a, "tls_handshake_error", err.Error())
		t.s.log.failed(t.a, "client TLS handshake: "+err.Error())
		t.upstream.Close()
		t.client.Close()
		return
	}
	conn.SetDeadline(time.Time{})
	listener := &oneConn{conn: make(chan net.Conn, 1), addr: conn.LocalAddr(), done: make(chan struct{})}
	var once sync.Once
	transport := t.transport()
	inner := &http.Server{TLSConfig: conf, IdleTimeout: t.idle(), ErrorLog: log.New(t.s.stderr, "", log.LstdFlags),
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { t.serve(w, r, transport) }),
		ConnState: func(_ net.Conn, state http.ConnState) {
			if state == http.StateClosed {
				once.Do(func() { close(listener.done) })
			}
		}}
	timer := time.AfterFunc(t.lifetime(), func() { conn.Close() })
	defer timer.Stop()
	listener.conn <- conn
	inner.Serve(listener)
	<-listener.done
	transport.CloseIdleConnections()
	t.upstream.Close()
}

// transport to the upstream; its first connection is the one that was made
// before the tunnel was confirmed.
func (t *tunnel) transport() *http.Transport {
	var used atomic.Bool
	return &http.Transport{ForceAttemptHTTP2: true, DisableCompression: true,
		TLSClientConfig: &tls.Config{ServerName: t.host, RootCAs: upstreamRoots},
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			if !used.Swap(true) {
				return t.upstream, nil
			}
			return dial(ctx, t.addrs, t.host, t.port)
		}}
}

func (t *tunnel) serve(w http.ResponseWriter, r *http.Request, transport *http.Transport) {
	a := about{method: r.Method, clientIP: t.a.clientIP, id: t.a.id, agent: t.a.agent}
	named := r.Host
	if host, _, err := net.SplitHostPort(r.Host); err == nil {
		named = host
	}
	u := &url.URL{Scheme: "https", Host: net.JoinHostPort(named, t.port), Path: r.URL.Path,
		RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery}
	a.url = u.String()
	if source := t.s.killSource(); source != "" {
		t.s.denyKilled("connect", r.URL.Path, source, a.clientIP)
		http.Error(w, "kill switch active", http.StatusServiceUnavailable)
		return
	}
	if !strings.EqualFold(strings.Trim(named, "[]"), t.host) {
		t.s.log.blocked(a, "tls_authority_mismatch", "authority mismatch: "+r.Host+" vs "+net.JoinHostPort(t.host, t.port))
		t.s.stats.block("tls_authority_mismatch")
		http.Error(w, "authority mismatch: blocked", http.StatusForbidden)
		return
	}
	_, no := t.p.checkURL(r.Context(), u, func(x *pattern) { t.s.log.dlpWarn(a, x, "intercept") })
	if no != nil && t.s.refuseURL(w, t.p, a, no, "blocked: ") {
		return
	}
	body, ok := t.s.scanMessage(w, r, t.p, a, true)
	if !ok {
		return
	}
	resp, err := transport.RoundTrip(outgoing(r, t.p, u, body))
	if err != nil {
		t.s.log.failed(a, err.Error())
		http.Error(w, "upstream error", http.StatusBadGateway)
		return
	}
	defer resp.Body.Close()
	if _, ok = t.s.answer(w, resp, t.p, a, "tls_response_blocked"); ok {
		t.s.stats.allow() // and no line: 2.3 writes none for what passes inside a tunnel
	}
}

// --- handed through --------------------------------------------------------------

var errHelloRead = errors.New("hello read")

// helloConn lets a TLS server read a ClientHello and keeps the bytes.
type helloConn struct {
	net.Conn
	kept bytes.Buffer
}

func (c *helloConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.kept.Write(b[:n])
	return n, err
}
func (c *helloConn) Write([]byte) (int, error) { return 0, errHelloRead }

// sniffName reads what the client says first. category is "" when it may pass.
func (t *tunnel) sniffName() (first []byte, sni, category string) {
	t.client.SetReadDeadline(time.Now().Add(helloTimeout))
	defer t.client.SetReadDeadline(time.Time{})
	one := make([]byte, 1)
	if _, err := io.ReadFull(t.client, one); err != nil {
		var timeout net.Error
		if errors.As(err, &timeout) && timeout.Timeout() {
			return nil, "", "timeout"
		}
		return nil, "", "malformed_tls"
	}
	if one[0] != 22 {
		return one, "", "" // not TLS: flows
	}
	hello := &helloConn{Conn: &earlyConn{Conn: t.client, early: one}}
	seen := false
	err := tls.Server(hello, &tls.Config{GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		sni, seen = h.ServerName, true
		return nil, errHelloRead
	}}).Handshake()
	var timeout net.Error
	switch {
	case seen && (strings.EqualFold(sni, t.host) || net.ParseIP(t.host) != nil && sni == ""):
		return hello.kept.Bytes(), sni, ""
	case seen:
		return nil, sni, "mismatch"
	case errors.As(err, &timeout) && timeout.Timeout():
		return nil, "", "timeout"
	}
	return nil, "", "malformed_tls"
}

func (t *tunnel) splice() {
	defer t.client.Close()
	defer t.upstream.Close()
	start := time.Now()
	var first []byte
	if t.p.ForwardProxy.SNIVerification {
		var sni, category string
		if first, sni, category = t.sniffName(); category != "" {
			t.s.log.write("warn", "sni_mismatch", field{"connect_host", t.host}, field{"sni_host", sni},
				field{"client_ip", t.a.clientIP}, field{"request_id", t.a.id}, field{"agent?", t.a.agent},
				field{"category", category}, field{"mitre_technique", "T1090.004"})
			return
		}
	}
	common := []field{{"target", t.a.target}, {"client_ip", t.a.clientIP}, {"request_id", t.a.id}, {"agent", t.a.agent}}
	if t.s.log.includeAllowed {
		t.s.log.write("info", "tunnel_open", common...)
	}
	timer := time.AfterFunc(t.lifetime(), func() { t.client.Close(); t.upstream.Close() })
	defer timer.Stop()
	var total, last atomic.Int64
	last.Store(time.Now().UnixNano())
	var both sync.WaitGroup
	both.Add(2)
	go func() {
		defer both.Done()
		t.copy(t.upstream, io.MultiReader(bytes.NewReader(first), t.client), t.client, &total, &last)
	}()
	go func() {
		defer both.Done()
		t.copy(t.client, t.upstream, t.upstream, &total, &last)
	}()
	both.Wait()
	if t.s.log.includeAllowed {
		t.s.log.write("info", "tunnel_close", append(common, field{"total_bytes", total.Load()},
			field{"duration_ms", milliseconds(time.Since(start))})...)
	}
}

// copy until one side ends, falls idle, or the kill switch is thrown; then both
// ends are told.
func (t *tunnel) copy(to net.Conn, from io.Reader, fromConn net.Conn, total, last *atomic.Int64) {
	buf := make([]byte, 32*1024)
	for {
		fromConn.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
		n, err := from.Read(buf)
		if t.s.killSource() != "" {
			t.client.Close()
			t.upstream.Close()
			return
		}
		if n > 0 {
			last.Store(time.Now().UnixNano())
			total.Add(int64(n))
			if _, werr := to.Write(buf[:n]); werr != nil {
				t.client.Close()
				t.upstream.Close()
				return
			}
		}
		var timeout net.Error
		if err == nil || errors.As(err, &timeout) && timeout.Timeout() && time.Since(time.Unix(0, last.Load())) < t.idle() {
			continue
		}
		if half, ok := to.(interface{ CloseWrite() error }); ok && errors.Is(err, io.EOF) {
			half.CloseWrite()
			return
		}
		t.client.Close()
		t.upstream.Close()
		return
	}
}
