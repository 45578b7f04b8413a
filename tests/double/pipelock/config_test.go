package main

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestConfigsThatAreNotAccepted(t *testing.T) {
	r := newRig(t, baseConfig)
	for _, c := range []struct{ name, conf, want string }{
		{"unknown key", baseConfig + "surprise: 1\n", "surprise"},
		{"unknown key below", strings.Replace(baseConfig, "scan_env: false", "scan_env: false\n  action: block", 1), "action"},
		{"two documents", baseConfig + "---\nversion: 1\n", "more than one"},
		{"empty", "", "empty"},
		{"strict without a list", strings.Replace(baseConfig, "api_allowlist:", "suppress: []\nfoo:", 1), "foo"},
		{"no entry", "mode: strict\n", "api_allowlist"},
		{"mode", strings.Replace(baseConfig, "mode: strict", "mode: lax", 1), "mode"},
		{"action", strings.Replace(baseConfig, "action: block", "action: maybe", 1), "request_body_scanning.action"},
		{"regex", strings.Replace(baseConfig, "regex: 'git-receive-pack'", "regex: '('", 1), "Git Push over HTTP"},
		{"duration", strings.Replace(baseConfig, "ca_cert: ca.pem", "ca_cert: ca.pem\n  cert_ttl: soon", 1), "cert_ttl"},
		{"api without a token", baseConfig + "kill_switch: {api_listen: \":9091\"}\n", "api_token"},
		{"shield alone", baseConfig + "browser_shield: {enabled: true}\n", "browser_shield"},
		{"wide range", baseConfig + "ssrf: {ip_allowlist: [0.0.0.0/0]}\n", "ip_allowlist"},
		{"host bits", baseConfig + "ssrf: {ip_allowlist: [10.0.0.1/8]}\n", "ip_allowlist"},
		{"no CA", strings.Replace(baseConfig, "ca_cert: ca.pem", "ca_cert: none.pem", 1), "ca_cert"},
		{"no secrets", strings.Replace(baseConfig, "secrets_file: secrets", "secrets_file: none", 1), "secrets_file"},
		{"default that only warns", strings.Replace(baseConfig, "{name: Internal Ticket", "{name: GitHub Token", 1), "GitHub Token"},
	} {
		r.write("x.yaml", c.conf, 0o600)
		_, _, err := loadConfig(filepath.Join(r.dir, "x.yaml"))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestTheReferencesMinimalConfigIsAccepted(t *testing.T) {
	r := newRig(t, baseConfig)
	text := string(must(os.ReadFile("testdata/minimal.yaml")))
	r.write("x.yaml", strings.ReplaceAll(text, "/etc/pipelock/", r.dir+"/"), 0o600)
	if _, _, err := loadConfig(filepath.Join(r.dir, "x.yaml")); err != nil {
		t.Fatal(err)
	}
}

func TestCAFilesThatAreNotAccepted(t *testing.T) {
	cert, key := makeCA(x509.KeyUsageCertSign)
	noSign, noSignKey := makeCA(x509.KeyUsageCRLSign)
	_, other := makeCA(x509.KeyUsageCertSign)
	block, _ := pem.Decode(key)
	ec := must(x509.ParseECPrivateKey(block.Bytes))
	pkcs8 := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE" + " KEY", Bytes: must(x509.MarshalPKCS8PrivateKey(ec))})
	params := pem.EncodeToMemory(&pem.Block{Type: "EC PARAMETERS", Bytes: []byte{6, 8, 42, 134, 72, 206, 61, 3, 1, 7}})
	for _, c := range []struct {
		name      string
		cert, key []byte
		want      string
	}{
		{"PKCS#8", cert, pkcs8, "ParsePKCS8PrivateKey"},
		{"parameters first", cert, append(params, key...), "EC"},
		{"no keyCertSign", noSign, noSignKey, "KeyUsageCertSign"},
		{"another key", cert, other, "does not match"},
	} {
		if _, err := parseAuthority(c.cert, c.key); err == nil || !strings.Contains(strings.ToUpper(err.Error()), strings.ToUpper(c.want)) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if _, err := parseAuthority(cert, append(key, params...)); err != nil {
		t.Error(err)
	}
	r := newRig(t, baseConfig)
	for mode, ok := range map[os.FileMode]bool{0o600: true, 0o640: true, 0o400: true, 0o440: true, 0o644: false, 0o660: false, 0o700: false} {
		os.Chmod(filepath.Join(r.dir, "ca-key.pem"), mode)
		_, _, err := loadConfig(r.path)
		if (err == nil) != ok {
			t.Errorf("mode %o: %v", mode, err)
		}
	}
}

func TestCheckTalksOnStderrAndDoesNotReadTheKey(t *testing.T) {
	r := newRig(t, baseConfig)
	r.write("ca-key.pem", "not a key", 0o600)
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"check", "--config", r.path}, 0, "Config OK"},
		{[]string{"check", "-c", r.path, "--url", "https://allowed.test/"}, 0, "allowed"},
		{[]string{"check", "-c", r.path, "--url", "https://blocked.test/"}, 1, "Scanner: allowlist"},
		{[]string{"check", "-c", r.path + "x"}, 1, "no such file"},
		{[]string{"run", "-c", r.path}, 1, "CA key"},
		{[]string{"nonsense"}, 1, "usage"},
	} {
		var out, errs bytes.Buffer
		code := run(c.args, &out, &errs)
		if code != c.code || !strings.Contains(errs.String(), c.want) || out.Len() != 0 {
			t.Errorf("%v: %d, stdout %q, stderr %q", c.args, code, out.String(), errs.String())
		}
		if !strings.Contains(errs.String(), "STAND-IN, not pipelock") {
			t.Errorf("%v: does not say what it is", c.args)
		}
	}
	var out, errs bytes.Buffer
	if run([]string{"--version"}, &out, &errs) != 0 || !strings.Contains(out.String(), "2.3.0-standin (STAND-IN, not pipelock)") {
		t.Error(out.String())
	}
}

func sha(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func TestReloadAddsAndRemovesAHostAndTellsTheHash(t *testing.T) {
	r := newRig(t, baseConfig)
	wider := strings.Replace(baseConfig, "  - allowed.test\n", "  - allowed.test\n  - late.test\n", 1)
	r.write("pipelock.yaml", wider, 0o600)
	l := r.wait(line{"event": "config_reload", "config_hash": sha(wider)})
	if l["status"] != "success" || l["detail"] != "mode=strict" {
		t.Fatal(l)
	}
	if _, resp, body := r.connect("late.test:443"); !strings.Contains(body, "SSRF") {
		t.Fatal(resp.Status, body) // listed now, but not trusted
	}
	r.write("pipelock.yaml", baseConfig, 0o600)
	r.wait(line{"event": "config_reload", "config_hash": sha(baseConfig)})
	if _, _, body := r.connect("late.test:443"); !strings.Contains(body, "not in allowlist") {
		t.Fatal(body)
	}
}

func TestReloadWorksForAFileWrittenInPlaceAndOneMadeAnew(t *testing.T) {
	r := newRig(t, baseConfig)
	one, two := baseConfig+"# one\n", baseConfig+"# two\n"
	if err := os.WriteFile(r.path, []byte(one), 0o600); err != nil {
		t.Fatal(err)
	}
	r.wait(line{"event": "config_reload", "config_hash": sha(one)})
	os.Remove(r.path)
	time.Sleep(120 * time.Millisecond)
	if err := os.WriteFile(r.path, []byte(two), 0o600); err != nil {
		t.Fatal(err)
	}
	r.wait(line{"event": "config_reload", "config_hash": sha(two)})
	if strings.Contains(r.err.String(), "reload failed") {
		t.Fatal(r.err.String())
	}
}

func TestTheSameContentAgainIsSilent(t *testing.T) {
	r := newRig(t, baseConfig)
	next := baseConfig + "# next\n"
	r.write("pipelock.yaml", next, 0o600)
	r.wait(line{"event": "config_reload"})
	r.write("pipelock.yaml", next, 0o600)
	time.Sleep(500 * time.Millisecond)
	if n := r.count(line{"event": "config_reload"}); n != 1 {
		t.Fatal(n)
	}
}

func TestStrictRefusesEveryLooseningWhole(t *testing.T) {
	for _, c := range []struct{ name, from, to, field string }{
		{"passthrough", "passthrough_domains: [pass.test]", "passthrough_domains: [pass.test, late.test]", "passthrough_domains"},
		{"trusted", "trusted_domains: [allowed.test,", "trusted_domains: [internal.test, allowed.test,", "trusted_domains"},
		{"mode", "mode: strict", "mode: balanced", "mode"},
		{"enforce", "mode: strict", "mode: strict\nenforce: false", "enforce"},
		{"pattern removed", "    - {name: Git Push over HTTP, regex: 'git-receive-pack', severity: critical}\n", "", "Git Push over HTTP"},
		{"regex changed", "'git-receive-pack'", "'git-receive-packs'", "Git Push over HTTP"},
		{"defaults off", "scan_env: false", "scan_env: false\n  include_defaults: false", "GitHub Token"},
		{"secrets removed", "  secrets_file: secrets\n", "", "secrets_file"},
		{"interception off", "tls_interception:\n  enabled: true", "tls_interception:\n  enabled: false", "tls_interception"},
		{"body scanning off", "request_body_scanning: {enabled: true", "request_body_scanning: {enabled: false", "request_body_scanning"},
		{"taint off", "version: 1", "version: 1\ntaint: {enabled: false}", "taint"},
		{"address range", "version: 1", "version: 1\nssrf: {ip_allowlist: [127.0.0.0/8]}", "ip_allowlist"},
		{"exempt", "version: 1", "version: 1\nresponse_scanning: {exempt_domains: [a.test]}", "exempt_domains"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, baseConfig)
			// with a harmless addition in the same file, which must not come through
			next := strings.Replace(strings.Replace(baseConfig, c.from, c.to, 1), "  - pass.test\n", "  - pass.test\n  - late.test\n", 1)
			r.write("pipelock.yaml", next, 0o600)
			want := line{"event": "error", "method": "CONFIG_RELOAD", "resource": r.path, "error": "rejected: security downgrade from strict mode"}
			r.wait(want)
			time.Sleep(50 * time.Millisecond)
			if n := r.count(want); n != 2 {
				t.Fatalf("%d lines", n)
			}
			if text := r.err.String(); !strings.Contains(text, "WARNING: config reload: ") || !strings.Contains(text, c.field) {
				t.Fatal(text)
			}
			if _, _, body := r.connect("late.test:443"); !strings.Contains(body, "not in allowlist: late.test") {
				t.Fatal(body)
			}
		})
	}
}

func TestABrokenFileIsToldOnStderrAlone(t *testing.T) {
	r := newRig(t, baseConfig)
	r.write("pipelock.yaml", baseConfig+"surprise: 1\n", 0o600)
	eventually(t, "nothing on stderr", func() bool { return strings.Contains(r.err.String(), "pipelock: config reload failed: ") })
	if len(r.lines()) != 0 {
		t.Fatal(r.out.String())
	}
	r.expect("GET", r.http("/ok"), nil, "", 200, "hello from upstream allowed.test:"+r.httpPort)
}

func TestForwardProxyCannotBeEnabledByReload(t *testing.T) {
	off := strings.Replace(baseConfig, "forward_proxy: {enabled: true", "forward_proxy: {enabled: false", 1)
	r := newRig(t, off)
	r.write("pipelock.yaml", baseConfig, 0o600)
	eventually(t, "nothing on stderr", func() bool { return strings.Contains(r.err.String(), "forward_proxy") })
	if _, resp, body := r.connect("allowed.test:443"); resp.StatusCode != 405 || body != "CONNECT not supported\n" {
		t.Fatal(resp.StatusCode, body)
	}
}

func TestALiveTunnelKeepsItsPolicy(t *testing.T) {
	r := newRig(t, baseConfig)
	c := r.client()
	get := func() (int, string) {
		resp, err := c.Get(r.https("/ok"))
		if err != nil {
			return 0, err.Error()
		}
		defer resp.Body.Close()
		io.Copy(io.Discard, resp.Body)
		return resp.StatusCode, resp.Status
	}
	if status, text := get(); status != 200 {
		t.Fatal(text)
	}
	narrow := strings.Replace(baseConfig, "  - allowed.test\n", "", 1)
	r.write("pipelock.yaml", narrow, 0o600)
	r.wait(line{"event": "config_reload", "config_hash": sha(narrow)})
	if status, text := get(); status != 200 {
		t.Fatal("the open tunnel was cut: " + text)
	}
	c.CloseIdleConnections()
	if _, _, body := r.connect("allowed.test:443"); !strings.Contains(body, "not in allowlist") {
		t.Fatal(body)
	}
}
