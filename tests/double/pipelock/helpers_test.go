package main

// A whole proxy with upstreams of its own, all in the test's process: names are
// given by the test, every address is loopback.

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// Put together here, so that no scanner takes the file for a leak.
var (
	githubToken    = "gh" + "p_" + "0123456789abcdefghijABCDEFGHIJ0123456789"
	anthropicToken = "sk-" + "ant-" + "api03-Zk3vQ9xLm2Rt8WpYb4Nc"
	awsKey         = "AK" + "IA" + "ABCDEFGHIJKLMNOP"
)

type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

type rig struct {
	t              *testing.T
	s              *server
	dir, path      string
	addr           string
	out, err       safeBuffer
	tlsPort        string
	httpPort       string
	caPool         *x509.CertPool
	upstreamSeen   chan *http.Request
	upstreamBodies chan string
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func makeCA(usage x509.KeyUsage) (certPEM, keyPEM []byte) {
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	t := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test CA"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: usage}
	der := must(x509.CreateCertificate(rand.Reader, t, t, key.Public(), key))
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: must(x509.MarshalECPrivateKey(key))})
}

var upstreamCA *authority

// Names and roots are set once: connections outlive the test that made them.
func TestMain(m *testing.M) {
	certPEM, keyPEM := makeCA(x509.KeyUsageCertSign)
	upstreamCA = must(parseAuthority(certPEM, keyPEM))
	upstreamRoots = x509.NewCertPool()
	upstreamRoots.AppendCertsFromPEM(certPEM)
	lookup = func(_ context.Context, _, host string) ([]netip.Addr, error) {
		if host == "nonexist.test" || !strings.HasSuffix(host, ".test") {
			return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
		}
		return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
	}
	os.Exit(m.Run())
}

const baseConfig = `version: 1
mode: strict
api_allowlist:
  - allowed.test
  - pass.test
  - internal.test
  - nonexist.test
  - "*.wild.test"
trusted_domains: [allowed.test, pass.test, "*.wild.test"]
fetch_proxy:
  listen: "127.0.0.1:0"
  monitoring: {max_requests_per_minute: 6000}
forward_proxy: {enabled: true, max_tunnel_seconds: 60}
tls_interception:
  enabled: true
  ca_cert: ca.pem
  ca_key: ca-key.pem
  passthrough_domains: [pass.test]
request_body_scanning: {enabled: true, action: block, max_body_bytes: 1048576}
dlp:
  scan_env: false
  secrets_file: secrets
  patterns:
    - {name: Git Push over HTTP, regex: 'git-receive-pack', severity: critical}
    - {name: Internal Ticket, regex: 'TICKET-[0-9]{6}', severity: medium, action: warn}
`

func (r *rig) write(name, text string, mode os.FileMode) {
	r.t.Helper()
	path := filepath.Join(r.dir, name)
	tmp := path + ".tmp"
	if err := os.WriteFile(tmp, []byte(text), mode); err != nil {
		r.t.Fatal(err)
	}
	if err := os.Chmod(tmp, mode); err != nil {
		r.t.Fatal(err)
	}
	if err := os.Rename(tmp, path); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) upstream(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	select {
	case r.upstreamBodies <- string(body):
	default:
	}
	select {
	case r.upstreamSeen <- req:
	default:
	}
	switch req.URL.Path {
	case "/gzip":
		w.Header().Set("Content-Encoding", "gzip")
	case "/big":
		w.Header().Set("Content-Length", "6000000")
		w.Write(make([]byte, 6000000))
		return
	case "/stream":
		w.Header().Set("Content-Type", "text/event-stream")
		for range 3 {
			io.WriteString(w, "data: tick\n\n")
			http.NewResponseController(w).Flush()
			time.Sleep(50 * time.Millisecond)
		}
		return
	}
	io.WriteString(w, "hello from upstream "+req.Host)
}

func newRig(t *testing.T, conf string) *rig {
	t.Helper()
	r := &rig{t: t, dir: t.TempDir(), upstreamSeen: make(chan *http.Request, 64), upstreamBodies: make(chan string, 64)}
	r.path = filepath.Join(r.dir, "pipelock.yaml")
	certPEM, keyPEM := makeCA(x509.KeyUsageCertSign)
	r.write("ca.pem", string(certPEM), 0o600)
	r.write("ca-key.pem", string(keyPEM), 0o600)
	r.write("secrets", "hunter2-but-longer\n\nanother/known+value\n", 0o600)
	r.write("pipelock.yaml", conf, 0o600)
	r.caPool = x509.NewCertPool()
	r.caPool.AppendCertsFromPEM(certPEM)

	plain := httptest.NewServer(http.HandlerFunc(r.upstream))
	t.Cleanup(plain.Close)
	_, r.httpPort, _ = net.SplitHostPort(plain.Listener.Addr().String())
	secure := httptest.NewUnstartedServer(http.HandlerFunc(r.upstream))
	secure.EnableHTTP2 = true
	secure.TLS = &tls.Config{GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) { return upstreamCA.leaf(h.ServerName) }}
	secure.StartTLS()
	t.Cleanup(secure.Close)
	_, r.tlsPort, _ = net.SplitHostPort(secure.Listener.Addr().String())
	c, _, err := loadConfig(r.path)
	if err != nil {
		t.Fatal(err)
	}
	r.s = newServer(r.path, must(newPolicy(c)), &r.out, &r.err)
	srv := httptest.NewServer(r.s)
	t.Cleanup(srv.Close)
	r.addr = srv.Listener.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	go r.s.watch(ctx, make(chan os.Signal))
	return r
}

func (r *rig) client() *http.Client {
	proxy := must(url.Parse("http://" + r.addr))
	tr := &http.Transport{Proxy: http.ProxyURL(proxy), TLSClientConfig: &tls.Config{RootCAs: r.caPool}, DisableCompression: true}
	r.t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 10 * time.Second}
}

func (r *rig) https(path string) string { return "https://allowed.test:" + r.tlsPort + path }
func (r *rig) http(path string) string  { return "http://allowed.test:" + r.httpPort + path }

// do returns status and body; a broken tunnel is status 0 and the error's text.
func (r *rig) do(method, target string, header http.Header, body string) (int, string) {
	r.t.Helper()
	req := must(http.NewRequest(method, target, strings.NewReader(body)))
	for k, v := range header {
		req.Header[k] = v
	}
	if host := header.Get("Host"); host != "" {
		req.Host = host
	}
	c := r.client()
	defer c.CloseIdleConnections()
	resp, err := c.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	return resp.StatusCode, string(must(io.ReadAll(resp.Body)))
}

// connect sends a CONNECT and returns the connection, the status and the body.
func (r *rig) connect(target string, header ...string) (net.Conn, *http.Response, string) {
	r.t.Helper()
	c := must(net.Dial("tcp", r.addr))
	r.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(10 * time.Second))
	io.WriteString(c, "CONNECT "+target+" HTTP/1.1\r\nHost: "+target+"\r\n"+strings.Join(append(header, ""), "\r\n")+"\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: http.MethodConnect})
	if err != nil {
		r.t.Fatal(err)
	}
	if resp.StatusCode == http.StatusOK {
		return c, resp, ""
	}
	return c, resp, string(must(io.ReadAll(resp.Body)))
}

type line map[string]any

func (r *rig) lines() []line {
	var out []line
	for _, text := range strings.Split(strings.TrimSpace(r.out.String()), "\n") {
		var l line
		if text == "" {
			continue
		}
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			r.t.Fatalf("not JSON: %s", text)
		}
		out = append(out, l)
	}
	return out
}

// wait for a line that has all of these values.
func (r *rig) wait(want line) line {
	r.t.Helper()
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		for _, l := range r.lines() {
			if has(l, want) {
				return l
			}
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("no line has %v in:\n%s", want, r.out.String())
		}
	}
}

func has(l, want line) bool {
	for k, v := range want {
		if l[k] != v {
			return false
		}
	}
	return true
}

func (r *rig) count(want line) int {
	n := 0
	for _, l := range r.lines() {
		if has(l, want) {
			n++
		}
	}
	return n
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal(what)
		}
	}
}

// What differs from run to run: times, ids, addresses, sizes, tokens.
var volatile = []struct {
	re *regexp.Regexp
	to string
}{
	{regexp.MustCompile(`"time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"`), `"time":"T"`},
	{regexp.MustCompile(`"request_id":"req-\d+"`), `"request_id":"req-N"`},
	{regexp.MustCompile(`"client_ip":"[0-9.]+"`), `"client_ip":"IP"`},
	{regexp.MustCompile(`"duration_ms":\d+(\.\d+)?`), `"duration_ms":F`},
	{regexp.MustCompile(`"(total_bytes|size_bytes)":\d+`), `"$1":N`},
	{regexp.MustCompile(`"config_hash":"[0-9a-f]{64}"`), `"config_hash":"H"`},
	{regexp.MustCompile(`"version":"2\.3\.0(-standin)?"`), `"version":"V"`},
	{regexp.MustCompile(`"resource":"/[^"]*"`), `"resource":"FILE"`},
	{regexp.MustCompile(`127\.0\.0\.1:\d+`), `127.0.0.1:P`},
	{regexp.MustCompile(`\.test:\d+`), `.test`},
	{regexp.MustCompile(`0\.0\.0\.0:\d+`), `0.0.0.0:P`},
	{regexp.MustCompile(`gh` + `p_[A-Za-z0-9]+`), `TOKEN-G`},
	{regexp.MustCompile(`k=[A-Za-z0-9]{32}`), `k=TOKEN-E`},
}

func normal(text string) string {
	for _, v := range volatile {
		text = v.re.ReplaceAllString(text, v.to)
	}
	return text
}

func isClosed(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || strings.Contains(err.Error(), "reset")
}
