package main

// The lines that recorded requests wrote, beside those that the same requests
// write here: field by field, in the same order, for each of them.

import (
	"bufio"
	"crypto/tls"
	"io"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

type step struct {
	name  string
	lines int // that it writes, in this order in the file
	do    func(r *rig)
	conf  string // another configuration than the base; a new proxy
	all   bool   // the lines that every tunnel writes count too
}

var referenceSteps = []step{
	{name: "start and stop", lines: 3, do: func(r *rig) {
		done := make(chan int)
		go func() { done <- serveUntilSignal(r.s) }()
		r.wait(line{"event": "startup"})
		syscall.Kill(os.Getpid(), syscall.SIGTERM)
		if code := <-done; code != 0 || !strings.Contains(r.err.String(), "Pipelock stopped.") {
			r.t.Fatal(code, r.err.String())
		}
	}, conf: strings.Replace(baseConfig, `"127.0.0.1:0"`, `"0.0.0.0:0"`, 1)},
	{name: "CONNECT to an unlisted host", lines: 1, do: func(r *rig) { r.connect("blocked.test:443") }},
	{name: "an allowed request", lines: 2, all: true, do: func(r *rig) { r.do("GET", r.https("/ok"), nil, "") }},
	{name: "body secret", lines: 1, do: func(r *rig) { r.do("POST", r.https("/ok"), nil, githubToken) }},
	{name: "header secret", lines: 1, do: func(r *rig) { r.do("GET", r.https("/ok"), http.Header{"X-Token": {githubToken}}, "") }},
	{name: "core secret in the URL", lines: 1, do: func(r *rig) { r.do("GET", r.https("/ok?k="+githubToken), nil, "") }},
	{name: "entropy", lines: 1, do: func(r *rig) { r.do("GET", r.https("/ok?k=aZ9kLm3QpX7vTb2Wn8RyC4dFgH6jKs5E"), nil, "") }},
	{name: "compressed response", lines: 1, do: func(r *rig) { r.do("GET", r.https("/gzip"), nil, "") }},
	{name: "large response", lines: 1, do: func(r *rig) { r.do("GET", r.https("/big"), nil, "") }},
	{name: "compressed body", lines: 1, do: func(r *rig) { r.do("POST", r.https("/ok"), http.Header{"Content-Encoding": {"gzip"}}, "zz") }},
	{name: "bad JSON", lines: 1, do: func(r *rig) { r.do("POST", r.https("/ok"), http.Header{"Content-Type": {"application/json"}}, "{") }},
	{name: "large body", lines: 1, do: func(r *rig) { r.do("POST", r.https("/ok"), nil, strings.Repeat("a", 5242881)) },
		conf: strings.Replace(baseConfig, ", max_body_bytes: 1048576", "", 1)},
	{name: "authority", lines: 1, do: func(r *rig) { r.do("GET", r.https("/ok"), http.Header{"Host": {"pass.test"}}, "") }},
	{name: "passthrough", lines: 2, do: func(r *rig) {
		conn, _, _ := r.connect("pass.test:" + r.tlsPort)
		c := tls.Client(conn, &tls.Config{ServerName: "pass.test", RootCAs: upstreamRoots})
		io.WriteString(c, "GET /ok HTTP/1.1\r\nHost: pass.test\r\nConnection: close\r\n\r\n")
		http.ReadResponse(bufio.NewReader(c), nil)
		c.Close()
	}},
	{name: "wrong name", lines: 1, do: func(r *rig) {
		conn, _, _ := r.connect("pass.test:" + r.tlsPort)
		tls.Client(conn, &tls.Config{ServerName: "blocked.test", InsecureSkipVerify: true}).Handshake()
	}},
	{name: "plain http", lines: 1, do: func(r *rig) { r.do("GET", r.http("/ok"), nil, "") }},
	{name: "plain http to an unlisted host", lines: 1, do: func(r *rig) { r.do("GET", "http://blocked.test/ok", nil, "") }},
	{name: "plain http, body secret", lines: 1, do: func(r *rig) { r.do("POST", r.http("/ok"), nil, githubToken) }},
	{name: "plain http, header secret", lines: 1, do: func(r *rig) {
		r.do("GET", r.http("/ok"), http.Header{"Authorization": {githubToken}}, "")
	}},
	{name: "CONNECT with a secret", lines: 1, do: func(r *rig) { r.connect("allowed.test:443", "Proxy-Authorization: "+githubToken) }},
	{name: "dial refused", lines: 1, do: func(r *rig) { r.connect("allowed.test:1") }},
	{name: "CRLF", lines: 1, do: func(r *rig) { r.do("GET", r.https("/a%0D%0AX"), nil, "") }},
	{name: "traversal", lines: 1, do: func(r *rig) { r.raw("GET /a/../../etc HTTP/1.1\r\nHost: allowed.test\r\nConnection: close\r\n\r\n") }},
	{name: "plain http, secret in the URL", lines: 1, do: func(r *rig) { r.do("GET", r.http("/ok?k="+anthropicToken), nil, "") }},
	{name: "pattern that only warns", lines: 1, do: func(r *rig) { r.do("POST", r.https("/ok"), nil, "see TICKET-123456") }},
	{name: "kill switch", lines: 1, do: func(r *rig) {
		r.s.api.Store(true)
		r.do("GET", r.http("/ok"), nil, "")
	}},
	{name: "no TLS in an intercepted tunnel", lines: 2, do: func(r *rig) {
		conn, _, _ := r.connect("allowed.test:" + r.httpPort)
		io.WriteString(conn, "GET /ok HTTP/1.1\r\n\r\n")
		io.Copy(io.Discard, conn)
	}},
	{name: "rate limit", lines: 1, do: func(r *rig) {
		for range 2 {
			r.connect("pass.test:" + r.httpPort)
		}
	}, conf: strings.Replace(baseConfig, "max_requests_per_minute: 6000", "max_requests_per_minute: 1", 1)},
	{name: "warn: body", lines: 1, do: func(r *rig) { r.do("POST", r.https("/ok"), nil, githubToken) }, conf: warnConfig},
	{name: "warn: header", lines: 1, do: func(r *rig) { r.do("GET", r.https("/ok"), http.Header{"X-Token": {githubToken}}, "") }, conf: warnConfig},
	{name: "warn: plain body", lines: 1, do: func(r *rig) { r.do("POST", r.http("/ok"), nil, githubToken) }, conf: warnConfig},
	{name: "metadata in balanced mode", lines: 1, do: func(r *rig) { r.do("GET", "http://169.254.169.254/latest/", nil, "") },
		conf: strings.Replace(baseConfig, "mode: strict", "mode: balanced", 1)},
	{name: "reload", lines: 1, do: func(r *rig) {
		r.write("pipelock.yaml", baseConfig+"# x\n", 0o600)
		r.wait(line{"event": "config_reload"})
	}},
	{name: "reload refused", lines: 1, do: func(r *rig) {
		r.write("pipelock.yaml", strings.Replace(baseConfig, "passthrough_domains: [pass.test]", "passthrough_domains: [a.test]", 1), 0o600)
		r.wait(line{"event": "error"})
	}},
}

var warnConfig = strings.Replace(baseConfig, "action: block", "action: warn", 1)

// raw sends bytes inside an intercepted tunnel, as no well-behaved client would.
func (r *rig) raw(request string) {
	conn, _, _ := r.connect("allowed.test:" + r.tlsPort)
	c := tls.Client(conn, &tls.Config{ServerName: "allowed.test", RootCAs: r.caPool})
	io.WriteString(c, request)
	io.Copy(io.Discard, c)
}

// What every tunnel and exchange writes beside the lines in question.
func isBackground(text string) bool {
	return strings.Contains(text, `"scanner":"tls_intercept"`) || strings.Contains(text, `"method":"close"`) ||
		strings.Contains(text, `"event":"forward_http"`)
}

func (r *rig) reported(s step) []string {
	var out []string
	for _, text := range strings.Split(strings.TrimSpace(r.out.String()), "\n") {
		if text != "" && (s.all || s.name == "plain http" || !isBackground(text)) {
			out = append(out, normal(text))
		}
	}
	return out
}

func TestLinesAreThoseOfTheRecordedRequests(t *testing.T) {
	reference := strings.Split(strings.TrimSpace(string(must(os.ReadFile("testdata/reference.jsonl")))), "\n")
	at := 0
	for _, s := range referenceSteps {
		if at+s.lines > len(reference) {
			t.Fatalf("%s: the reference has no more lines", s.name)
		}
		want := reference[at : at+s.lines]
		at += s.lines
		t.Run(s.name, func(t *testing.T) {
			conf := s.conf
			if conf == "" {
				conf = baseConfig
			}
			r := newRig(t, conf)
			s.do(r)
			for deadline := time.Now().Add(5 * time.Second); len(r.reported(s)) < s.lines && time.Now().Before(deadline); {
				time.Sleep(5 * time.Millisecond)
			}
			got := r.reported(s)
			if s.name == "reload refused" && len(got) == 2 && got[0] == got[1] {
				got = got[:1]
			}
			if len(got) != s.lines {
				t.Fatalf("%d lines, want %d:\n%s", len(got), s.lines, strings.Join(got, "\n"))
			}
			for i := range want {
				if got[i] != normal(want[i]) {
					t.Errorf("\n got %s\nwant %s", got[i], normal(want[i]))
				}
			}
		})
	}
	if at != len(reference) {
		t.Errorf("%d reference lines were not tried", len(reference)-at)
	}
}
