package main

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"
)

func (r *rig) expect(method, target string, header http.Header, body string, status int, text string) {
	r.t.Helper()
	gotStatus, got := r.do(method, target, header, body)
	if gotStatus != status || strings.TrimSuffix(got, "\n") != text {
		r.t.Fatalf("%s %s: got %d %q, want %d %q", method, target, gotStatus, got, status, text)
	}
}

func TestAllowedHostIsServedThroughInterceptionAndWritesNoLineOfItsOwn(t *testing.T) {
	r := newRig(t, baseConfig)
	r.expect("GET", r.https("/ok"), nil, "", 200, "hello from upstream allowed.test:"+r.tlsPort)
	r.wait(line{"event": "anomaly", "scanner": "tls_intercept", "score": 0.0, "target": "allowed.test:" + r.tlsPort})
	noise := r.wait(line{"event": "error", "method": "close"})
	if !strings.HasSuffix(noise["error"].(string), "use of closed network connection") {
		t.Fatal(noise)
	}
	if n := len(r.lines()); n != 2 {
		t.Fatalf("%d lines:\n%s", n, r.out.String())
	}
}

func TestLeafHasTheHostInNameAndAlternativeNames(t *testing.T) {
	r := newRig(t, baseConfig)
	conn, resp, _ := r.connect("allowed.test:" + r.tlsPort)
	if resp.StatusCode != 200 {
		t.Fatal(resp.Status)
	}
	c := tls.Client(conn, &tls.Config{ServerName: "allowed.test", RootCAs: r.caPool})
	if err := c.Handshake(); err != nil {
		t.Fatal(err)
	}
	leaf := c.ConnectionState().PeerCertificates[0]
	if leaf.Subject.CommonName != "allowed.test" || len(leaf.DNSNames) != 1 || leaf.DNSNames[0] != "allowed.test" {
		t.Fatal(leaf.Subject, leaf.DNSNames)
	}
}

func TestAllowlistIsExactOrWildForAllDepthsAndTheDomainItself(t *testing.T) {
	for _, c := range []struct {
		host string
		want bool
	}{{"a.test", true}, {"A.TEST", true}, {"x.a.test", false}, {"wild.test", true}, {"x.wild.test", true},
		{"y.x.wild.test", true}, {"notwild.test", false}, {"10.0.0.1", true}, {"10.0.0.2", false}} {
		if _, got := hostMatches([]string{"a.test", "*.Wild.test", "10.0.0.1"}, c.host); got != c.want {
			t.Errorf("%s: %v", c.host, got)
		}
	}
	p := defaults()
	p.TLSInterception.PassthroughDomains = []string{"*.dom.test", "exact.test"}
	for host, want := range map[string]bool{"dom.test": false, "x.dom.test": true, "exact.test": true, "x.exact.test": false} {
		if p.isPassthrough(host) != want {
			t.Errorf("passthrough of %s is not %v", host, want)
		}
	}
}

func TestRefusalsOfConnectHaveTheDocumentedBodies(t *testing.T) {
	r := newRig(t, baseConfig)
	for _, c := range []struct {
		target, header string
		status         int
		body           string
	}{
		{"blocked.test:443", "", 403, "CONNECT blocked: domain not in allowlist: blocked.test\n"},
		{"169.254.169.254:80", "", 403, "CONNECT blocked: domain not in allowlist: 169.254.169.254\n"},
		{"[::1]:443", "", 403, "CONNECT blocked: domain not in allowlist: ::1\n"},
		{"internal.test:443", "", 403, "CONNECT blocked: SSRF blocked: internal.test resolves to internal IP 127.0.0.1\n"},
		{"allowed.test:443", "Proxy-Authorization: " + githubToken, 403, "CONNECT blocked: header DLP match\n"},
		{"allowed.test:1", "", 502, "tunnel dial failed\n"},
		{"allowed.test", "", 400, "CONNECT blocked: invalid target\n"},
	} {
		var headers []string
		if c.header != "" {
			headers = []string{c.header}
		}
		_, resp, body := r.connect(c.target, headers...)
		if resp.StatusCode != c.status || body != c.body {
			t.Errorf("%s: %d %q", c.target, resp.StatusCode, body)
		}
		if got := resp.Header.Get("Content-Type"); got != "text/plain; charset=utf-8" {
			t.Errorf("%s: content type %q", c.target, got)
		}
		if resp.Header.Get("X-Content-Type-Options") != "nosniff" || !resp.Close {
			t.Errorf("%s: headers %v", c.target, resp.Header)
		}
	}
	_, resp, body := r.connect("nonexist.test:443")
	if resp.StatusCode != 403 || !strings.HasPrefix(body, "CONNECT blocked: SSRF check failed: DNS resolution error for nonexist.test: ") {
		t.Fatal(resp.StatusCode, body)
	}
}

func TestRefusalsInsideATunnelHaveTheDocumentedBodies(t *testing.T) {
	r := newRig(t, baseConfig)
	jsonType := http.Header{"Content-Type": {"application/json"}}
	for _, c := range []struct {
		path   string
		header http.Header
		body   string
		want   string
	}{
		{"/ok", nil, "x " + githubToken, "blocked: request body contains secret: GitHub Token"},
		{"/ok", nil, awsKey + " " + githubToken, "blocked: request body contains secret: AWS Access ID, GitHub Token"},
		{"/ok", nil, "the password is hunter2-but-longer", "blocked: request body contains secret: Known Secret Leak"},
		{"/ok", http.Header{"Authorization": {"Bearer " + githubToken}}, "", "blocked: request header contains secret"},
		{"/ok", http.Header{"Content-Encoding": {"gzip"}}, "zzz", `blocked: request body uses Content-Encoding "gzip"; compressed bodies cannot be scanned for secrets`},
		{"/ok", jsonType, `{"a":`, "blocked: invalid JSON body"},
		{"/ok", jsonType, `{} {}`, "blocked: invalid JSON body"},
		{"/ok", nil, strings.Repeat("a", 1048577), "blocked: request body exceeds max_body_bytes (1048576)"},
		{"/ok?k=" + githubToken, nil, "", "blocked: core DLP match: GitHub Token (critical)"},
		{"/ok?k=" + anthropicToken, nil, "", "blocked: DLP match: Anthropic API Key (critical)"},
		{"/p.git/info/refs?service=git-receive-pack", nil, "", "blocked: DLP match: Git Push over HTTP (critical)"},
		{"/ok?k=aZ9kLm3QpX7vTb2Wn8RyC4dFgH6jKs5E", nil, "", `blocked: high entropy query param "k" (5.00 > 4.50 threshold)`},
		{"/a%0D%0AX", nil, "", "blocked: CRLF injection sequence in URL"},
		{"/gzip", nil, "", "blocked: compressed response cannot be scanned"},
		{"/big", nil, "", "blocked: response too large for scanning"},
	} {
		r.expect("POST", r.https(c.path), c.header, c.body, 403, c.want)
	}
	r.expect("GET", r.https("/ok"), http.Header{"Host": {"pass.test"}}, "", 403, "authority mismatch: blocked")
	if got := len(r.upstreamSeen); got != 2 {
		t.Fatalf("%d requests reached the upstream; the two whose response is refused may", got)
	}
}

func TestRefusalsOfPlainHTTPHaveTheDocumentedBodies(t *testing.T) {
	r := newRig(t, baseConfig)
	r.expect("GET", "http://blocked.test/ok", nil, "", 403, "blocked: domain not in allowlist: blocked.test")
	r.expect("GET", "http://127.0.0.1/ok", nil, "", 403, "blocked: domain not in allowlist: 127.0.0.1")
	r.expect("POST", r.http("/ok"), nil, githubToken, 403, "blocked: request body contains secret: GitHub Token")
	r.expect("GET", r.http("/ok"), http.Header{"Cookie": {githubToken}}, "", 403, "blocked: request header contains secret")
	r.expect("GET", "http://allowed.test:1/ok", nil, "", 502, "forward proxy fetch failed")
	r.expect("GET", r.http("/ok"), nil, "", 200, "hello from upstream allowed.test:"+r.httpPort)
}

func TestSecretsAreFoundUnderTheirWrappings(t *testing.T) {
	p := must(parseConfig([]byte(baseConfig)))
	p.dir, p.DLP.SecretsFile = t.TempDir(), ""
	if _, err := p.validateForTest(); err != nil {
		t.Fatal(err)
	}
	d := newDLP(p)
	d.known = append(d.known, knownSecret("Known Secret Leak", "another/known+value"))
	b64 := base64.StdEncoding.EncodeToString
	for _, text := range []string{githubToken, b64([]byte(githubToken)), base64.RawURLEncoding.EncodeToString([]byte("x" + githubToken)),
		hex.EncodeToString([]byte(githubToken)), url.QueryEscape("%" + githubToken), b64([]byte(b64([]byte(githubToken)))),
		b64([]byte("another/known+value")), "another/known+value", url.QueryEscape("another/known+value")} {
		if names, _ := d.scan(text).names(); len(names) != 1 {
			t.Errorf("%s: %v", text, names)
		}
	}
	for _, text := range []string{"ghp" + "_short", "nothing to see", strings.Repeat("YWJj", 50), "4111 1111 1111 1112"} {
		if names, _ := d.scan(text).names(); len(names) != 0 {
			t.Errorf("%s: %v", text, names)
		}
	}
}

func (c *config) validateForTest() ([]string, error) {
	c.TLSInterception.Enabled = false
	return c.validate()
}

func TestBodiesAreReadByTheirType(t *testing.T) {
	half, rest := githubToken[:20], githubToken[20:]
	for _, c := range []struct{ kind, body string }{
		{"application/json", `{"a":["x",{"b":"` + half + `\u00` + fmt.Sprintf("%02x", rest[0]) + rest[1:] + `"}]}`},
		{"application/json", `{"a":"` + half + `","b":"` + rest + `"}`}, // the joined pass
		{"application/x-www-form-urlencoded", "a=1&b=" + strings.ReplaceAll(githubToken, "_", "%5F")},
		{"multipart/form-data; boundary=B", "--B\r\nContent-Disposition: form-data; name=\"f\"\r\n\r\n" + githubToken + "\r\n--B--\r\n"},
	} {
		texts, err := bodyTexts(c.kind, []byte(c.body))
		if err != nil {
			t.Fatal(err)
		}
		names, _ := (&dlp{patterns: defaultPatterns}).scan(texts...).names()
		if len(names) != 1 || names[0] != "GitHub Token" {
			t.Errorf("%s: %v", c.kind, names)
		}
	}
}

func TestHeaderModesLookAtSomeOrAll(t *testing.T) {
	r := newRig(t, baseConfig)
	odd := http.Header{"X-Odd": {githubToken}}
	r.expect("GET", r.http("/ok"), odd, "", 200, "hello from upstream allowed.test:"+r.httpPort)
	all := strings.Replace(baseConfig, "action: block,", "action: block, header_mode: all, ignore_headers: [X-Ignored],", 1)
	r = newRig(t, all)
	r.expect("GET", r.http("/ok"), odd, "", 403, "blocked: request header contains secret")
	r.expect("GET", r.http("/ok"), http.Header{"X-Ignored": {githubToken}}, "", 200, "hello from upstream allowed.test:"+r.httpPort)
	narrow := strings.Replace(baseConfig, "action: block,", "action: block, sensitive_headers: [Cookie],", 1)
	r = newRig(t, narrow)
	r.expect("GET", r.http("/ok"), http.Header{"Authorization": {githubToken}}, "", 200, "hello from upstream allowed.test:"+r.httpPort)
}

func TestWarnActionLetsPassAndSaysSo(t *testing.T) {
	r := newRig(t, strings.Replace(baseConfig, "action: block", "action: warn", 1))
	r.expect("POST", r.https("/ok"), nil, githubToken, 200, "hello from upstream allowed.test:"+r.tlsPort)
	r.wait(line{"event": "anomaly", "scanner": "body_dlp", "score": 0.8})
	r.expect("POST", r.http("/ok"), nil, githubToken, 200, "hello from upstream allowed.test:"+r.httpPort)
	r.wait(line{"event": "body_dlp", "action": "warn", "match_count": 1.0})
}

func TestPassthroughIsNotLookedInto(t *testing.T) {
	r := newRig(t, baseConfig)
	target := "pass.test:" + r.tlsPort
	conn, _, _ := r.connect(target)
	c := tls.Client(conn, &tls.Config{ServerName: "pass.test", RootCAs: upstreamRoots})
	io.WriteString(c, "POST /ok HTTP/1.1\r\nHost: pass.test\r\nContent-Length: "+fmt.Sprint(len(githubToken))+"\r\n\r\n"+githubToken)
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil || resp.StatusCode != 200 {
		t.Fatal(resp, err)
	}
	open := r.wait(line{"event": "tunnel_open", "target": target})
	c.Close()
	end := r.wait(line{"event": "tunnel_close", "target": target, "request_id": open["request_id"]})
	if end["total_bytes"].(float64) < 500 {
		t.Fatal(end)
	}
}

func TestWrongServerNameClosesThePassthroughTunnel(t *testing.T) {
	r := newRig(t, baseConfig)
	conn, _, _ := r.connect("pass.test:" + r.tlsPort)
	err := tls.Client(conn, &tls.Config{ServerName: "blocked.test", InsecureSkipVerify: true}).Handshake()
	if err == nil || !isClosed(err) {
		t.Fatal(err)
	}
	r.wait(line{"event": "sni_mismatch", "connect_host": "pass.test", "sni_host": "blocked.test", "category": "mismatch"})
	conn, _, _ = r.connect("pass.test:" + r.httpPort)
	io.WriteString(conn, "GET /ok HTTP/1.0\r\n\r\n") // what is no TLS at all flows
	if got := string(must(io.ReadAll(conn))); !strings.Contains(got, "hello from upstream") {
		t.Fatal(got)
	}
}

func TestRateLimitCountsAConnectAndItsRequest(t *testing.T) {
	r := newRig(t, strings.Replace(baseConfig, "max_requests_per_minute: 6000", "max_requests_per_minute: 4", 1))
	for range 2 {
		r.expect("GET", r.https("/ok"), nil, "", 200, "hello from upstream allowed.test:"+r.tlsPort)
	}
	_, resp, body := r.connect("allowed.test:" + r.tlsPort)
	if resp.StatusCode != 429 || body != "CONNECT blocked: rate limit exceeded for allowed.test\n" {
		t.Fatal(resp.StatusCode, body)
	}
	r.wait(line{"event": "blocked", "scanner": "ratelimit", "mitre_technique": "T1030"})
}

func TestKillSwitchRefusesEverythingButHealth(t *testing.T) {
	r := newRig(t, baseConfig)
	conn, _, _ := r.connect("pass.test:" + r.httpPort)
	io.WriteString(conn, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")
	if _, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil {
		t.Fatal(err)
	}
	inner := r.client()
	if resp, err := inner.Get(r.https("/ok")); err != nil || resp.StatusCode != 200 {
		t.Fatal(resp, err)
	} else {
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	r.write("pipelock.yaml", baseConfig+"kill_switch: {enabled: true}\n", 0o600)
	r.wait(line{"event": "config_reload"})
	const killed = `{"error":"kill_switch_active","message":"Emergency deny-all active"}`
	r.expect("GET", r.http("/ok"), nil, "", 503, killed)
	_, resp, body := r.connect("allowed.test:443")
	if resp.StatusCode != 503 || strings.TrimSpace(body) != killed {
		t.Fatal(resp.StatusCode, body)
	}
	resp, err := inner.Get(r.https("/again")) // the same tunnel
	if err != nil || resp.StatusCode != 503 {
		t.Fatal(resp, err)
	}
	if got := strings.TrimSpace(string(must(io.ReadAll(resp.Body)))); got != "kill switch active" {
		t.Fatal(got)
	}
	if _, err := io.Copy(io.Discard, conn); err != nil && !isClosed(err) {
		t.Fatal(err)
	}
	r.wait(line{"event": "kill_switch_deny", "source": "config", "transport": "http", "endpoint": "/ok"})
	r.wait(line{"event": "kill_switch_deny", "transport": "connect", "endpoint": ""})
	health := must(http.Get("http://" + r.addr + "/health"))
	if health.StatusCode != 200 || !strings.Contains(string(must(io.ReadAll(health.Body))), `"kill_switch_active":true`) {
		t.Fatal(health.Status)
	}
}

func TestNumbersMoveOffThePortWithMetricsListen(t *testing.T) {
	r := newRig(t, baseConfig)
	status := func(path string) int {
		resp := must(http.Get("http://" + r.addr + path))
		resp.Body.Close()
		return resp.StatusCode
	}
	if a, b, c := status("/metrics"), status("/stats"), status("/api/v1/killswitch/status"); a != 200 || b != 200 || c != 503 {
		t.Fatal(a, b, c)
	}
	r = newRig(t, baseConfig+"metrics_listen: 127.0.0.1:9090\nkill_switch: {api_listen: \"127.0.0.1:9091\", api_token: tok}\n")
	if a, b, c := status("/metrics"), status("/stats"), status("/api/v1/killswitch/status"); a != 404 || b != 404 || c != 404 {
		t.Fatal(a, b, c)
	}
}

func TestTunnelIsCutAtItsLongest(t *testing.T) {
	r := newRig(t, strings.Replace(baseConfig, "max_tunnel_seconds: 60", "max_tunnel_seconds: 1", 1))
	conn, _, _ := r.connect("pass.test:" + r.httpPort)
	start := time.Now()
	io.WriteString(conn, "G") // never finished
	io.Copy(io.Discard, conn)
	if d := time.Since(start); d < 500*time.Millisecond || d > 4*time.Second {
		t.Fatal(d)
	}
}

func TestEventStreamArrivesPieceByPiece(t *testing.T) {
	r := newRig(t, baseConfig)
	start := time.Now()
	resp, err := r.client().Get(r.https("/stream"))
	if err != nil {
		t.Fatal(err)
	}
	must(resp.Body.Read(make([]byte, 64)))
	if first := time.Since(start); first > 2*time.Second {
		t.Fatal(first)
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
}

func TestAgentNameIsTheClientsUnlessBound(t *testing.T) {
	r := newRig(t, baseConfig)
	claim := http.Header{"X-Pipelock-Agent": {"some one<b>"}}
	r.do("GET", "http://blocked.test/1", claim, "")
	r.wait(line{"event": "blocked", "agent": "someoneb"})
	r = newRig(t, baseConfig+"default_agent_identity: claude\nbind_default_agent_identity: true\n")
	r.do("GET", "http://blocked.test/1", claim, "")
	r.wait(line{"event": "blocked", "agent": "claude"})
}

func TestEnvironmentSecretsAreKnown(t *testing.T) {
	t.Setenv("SOME_VALUE", "qW3rT9yU1oP5aS7dF2gH")
	r := newRig(t, strings.Replace(baseConfig, "scan_env: false", "scan_env: true", 1))
	r.expect("POST", r.http("/ok"), nil, os.Getenv("SOME_VALUE"), 403, "blocked: request body contains secret: Environment Variable Leak")
	r.expect("GET", r.http("/ok?v="+os.Getenv("SOME_VALUE")), nil, "", 403, "blocked: environment variable leak detected")
}
