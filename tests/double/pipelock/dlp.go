package main

// What counts as a secret, and looking for it under its usual wrappings.
//
// A good part of the documented default patterns, written from their
// descriptions. Text is looked at as it is and decoded (URL, base64, hex), three
// rounds deep.

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"mime"
	"mime/multipart"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

type pattern struct {
	name     string
	severity string
	re       *regexp.Regexp
	source   string
	core     bool
	warn     bool
	exempt   []string // in URLs only
	valid    func(match string) bool
}

func def(name, severity, re string) *pattern {
	return &pattern{name: name, severity: severity, re: regexp.MustCompile("(?i)" + re), source: re}
}

func core(name, re string) *pattern {
	p := def(name, "critical", re)
	p.core = true
	return p
}

func checked(p *pattern, valid func(string) bool) *pattern {
	p.valid = valid
	return p
}

var defaultPatterns = []*pattern{
	core("GitHub Token", `gh[pousr]_[a-z0-9]{36,}`),
	core("GitHub Fine-Grained PAT", `github_pat_[a-z0-9_]{36,}`),
	core("GitLab PAT", `glpat-[a-z0-9_-]{20,}`),
	core("AWS Access ID", `\b(?:AKIA|ASIA|AROA|AIDA|AGPA|ANPA|ANVA)[A-Z0-9]{16}\b`),
	core("AWS Secret Key", `aws_secret_access_key["'\s]*[=:]["'\s]*[a-z0-9/+=]{40}`),
	core("Slack Token", `xox[bpras]-[a-z0-9-]{10,}`),
	core("Private Key Header", `-----BEGIN (?:[A-Z]+ )*`+`PRIVATE KEY-----`),
	def("Anthropic API Key", "critical", `sk-ant-[a-z0-9_-]{10,}`),
	def("OpenAI API Key", "critical", `sk-proj-[a-z0-9_-]{20,}`),
	def("OpenAI Service Key", "critical", `sk-svcacct-[a-z0-9_-]{20,}`),
	def("Google API Key", "high", `AIza[a-z0-9_-]{35}`),
	def("Google OAuth Token", "critical", `ya29\.[a-z0-9_-]{20,}`),
	def("Stripe Key", "critical", `[sr]k_(?:live|test)_[a-z0-9]{16,}`),
	def("Stripe Webhook Secret", "critical", `whsec_[a-z0-9]{16,}`),
	def("Slack App Token", "critical", `xapp-[0-9]-[a-z0-9-]{10,}`),
	def("SendGrid API Key", "critical", `SG\.[a-z0-9_-]{16,}\.[a-z0-9_-]{16,}`),
	def("Hugging Face Token", "critical", `\bhf_[a-z0-9]{30,}`),
	def("Groq API Key", "critical", `gsk_[a-z0-9]{48,}`),
	def("DigitalOcean Token", "critical", `dop_v1_[0-9a-f]{64}`),
	def("HashiCorp Vault Token", "critical", `\bhvs\.[a-z0-9_-]{20,}`),
	def("npm Token", "critical", `npm_[a-z0-9]{36}`),
	def("PyPI Token", "critical", `pypi-[a-z0-9_-]{40,}`),
	def("JWT Token", "high", `\bey[a-z0-9_-]{10,}\.ey[a-z0-9_-]{10,}\.[a-z0-9_-]{10,}`),
	def("Ethereum Private Key", "critical", `\b0x[0-9a-f]{64}\b`),
	def("Social Security Number", "low", `\b\d{3}-\d{2}-\d{4}\b`),
	def("Credential in URL", "high", `(?:^|[?&;])(?:password|token|api_key)=[^&;\s]{6,}`),
	def("Environment Variable Secret", "high", `\b[A-Z0-9]+_(?:TOKEN|SECRET|PASSWORD|API_KEY)=\S{8,}`),
	checked(def("Credit Card Number", "medium", `\b(?:\d[ -]?){15,18}\d\b`), luhn),
}

func luhn(s string) bool {
	sum, n := 0, 0
	for i := len(s) - 1; i >= 0; i-- {
		if s[i] < '0' || s[i] > '9' {
			continue
		}
		d := int(s[i] - '0')
		if n%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
		n++
	}
	return n >= 16 && sum%10 == 0
}

func (p *pattern) matches(text string) bool {
	if p.valid == nil {
		return p.re.MatchString(text)
	}
	return slices.ContainsFunc(p.re.FindAllString(text, 20), p.valid)
}

// known is a secret by value: from secrets_file, or pipelock's own environment.
type known struct {
	name  string
	forms []string
}

func knownSecret(name, value string) known {
	b := []byte(value)
	return known{name: name, forms: []string{value, hex.EncodeToString(b),
		base64.StdEncoding.EncodeToString(b), base64.RawStdEncoding.EncodeToString(b),
		base64.URLEncoding.EncodeToString(b), base64.RawURLEncoding.EncodeToString(b)}}
}

var notSecretEnv = []string{"PATH", "HOME", "PWD", "HOSTNAME", "TERM", "LANG", "SHLVL", "OLDPWD",
	"SSH_AUTH_SOCK", "GOPATH", "SSL_CERT_FILE", "SSL_CERT_DIR"}

func environmentSecrets(minimum int) []known {
	var out []known
	for _, e := range os.Environ() {
		name, value, _ := strings.Cut(e, "=")
		if len(value) < minimum || entropy(value) <= 3.0 || slices.Contains(notSecretEnv, name) ||
			strings.HasPrefix(name, "LC_") || strings.HasPrefix(name, "XDG_") {
			continue
		}
		out = append(out, knownSecret("Environment Variable Leak", value))
	}
	return out
}

type dlp struct {
	patterns []*pattern
	known    []known
}

func newDLP(c *config) *dlp {
	d := &dlp{patterns: c.patterns}
	for _, s := range c.secrets {
		d.known = append(d.known, knownSecret("Known Secret Leak", s))
	}
	if c.DLP.ScanEnv {
		d.known = append(d.known, environmentSecrets(c.DLP.MinEnvSecretLength)...)
	}
	return d
}

func entropy(s string) float64 {
	var count [256]int
	for i := 0; i < len(s); i++ {
		count[s[i]]++
	}
	sum := 0.0
	for _, n := range count {
		if n > 0 {
			p := float64(n) / float64(len(s))
			sum -= p * math.Log2(p)
		}
	}
	return sum
}

var encodedRun = regexp.MustCompile(`[A-Za-z0-9+/_-]{12,}={0,2}`)

// decodings is the text itself and what it holds in other encodings.
func decodings(text string) []string {
	out := []string{text}
	seen := map[string]bool{text: true}
	add := func(b []byte) {
		s := string(b)
		if len(s) >= 8 && utf8.ValidString(s) && !seen[s] && len(out) < 400 {
			seen[s] = true
			out = append(out, s)
		}
	}
	from := 0
	for round := 0; round < 3; round++ {
		end := len(out)
		for _, s := range out[from:end] {
			if u, err := url.QueryUnescape(s); err == nil && strings.Contains(s, "%") {
				add([]byte(u))
			}
			for _, run := range encodedRun.FindAllString(s, 100) {
				bare := strings.TrimRight(run, "=")
				if b, err := base64.RawStdEncoding.DecodeString(bare); err == nil {
					add(b)
				}
				if b, err := base64.RawURLEncoding.DecodeString(bare); err == nil {
					add(b)
				}
				if b, err := hex.DecodeString(bare); err == nil {
					add(b)
				}
			}
		}
		from = end
	}
	return out
}

type findings struct {
	patterns []*pattern // in the order of the list; warn ones too
	known    []string
}

func (d *dlp) scan(texts ...string) findings {
	var f findings
	for _, text := range texts {
		for _, s := range decodings(text) {
			for _, p := range d.patterns {
				if !slices.Contains(f.patterns, p) && p.matches(s) {
					f.patterns = append(f.patterns, p)
				}
			}
			for _, k := range d.known {
				if !slices.Contains(f.known, k.name) && slices.ContainsFunc(k.forms, func(form string) bool {
					return strings.Contains(s, form)
				}) {
					f.known = append(f.known, k.name)
				}
			}
		}
	}
	return f
}

// names of what refuses, sorted; what only warns is in warns.
func (f findings) names() (names []string, warns []*pattern) {
	for _, p := range f.patterns {
		if p.warn {
			warns = append(warns, p)
		} else {
			names = append(names, p.name)
		}
	}
	names = append(names, f.known...)
	slices.Sort(names)
	return slices.Compact(names), warns
}

var errInvalidJSON = errors.New("invalid JSON body")

// bodyTexts are the strings of a body that are worth a look, and all of it.
func bodyTexts(contentType string, body []byte) ([]string, error) {
	kind, params, _ := mime.ParseMediaType(contentType)
	texts := []string{string(body)}
	switch {
	case kind == "application/json" || strings.HasSuffix(kind, "+json"):
		var v any
		dec := json.NewDecoder(bytes.NewReader(body))
		if err := dec.Decode(&v); err != nil {
			return nil, errInvalidJSON
		}
		if _, err := dec.Token(); !errors.Is(err, io.EOF) {
			return nil, errInvalidJSON
		}
		var joined strings.Builder
		jsonStrings(v, func(s string) {
			texts = append(texts, s)
			joined.WriteString(s)
		})
		texts = append(texts, joined.String())
	case kind == "application/x-www-form-urlencoded":
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return texts, nil
		}
		for name, values := range form {
			texts = append(texts, name)
			texts = append(texts, values...)
		}
	case kind == "multipart/form-data":
		parts, err := multipartTexts(body, params["boundary"])
		if err != nil {
			return nil, fmt.Errorf("invalid multipart body")
		}
		texts = append(texts, parts...)
	}
	return texts, nil
}

func jsonStrings(v any, visit func(string)) {
	switch x := v.(type) {
	case string:
		visit(x)
	case []any:
		for _, e := range x {
			jsonStrings(e, visit)
		}
	case map[string]any:
		for _, k := range sortedKeys(x) {
			visit(k)
			jsonStrings(x[k], visit)
		}
	}
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func multipartTexts(body []byte, boundary string) ([]string, error) {
	var out []string
	r := multipart.NewReader(bytes.NewReader(body), boundary)
	for {
		part, err := r.NextPart()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		b, err := io.ReadAll(part)
		if err != nil {
			return nil, err
		}
		out = append(out, part.FormName(), part.FileName(), string(b))
	}
}
