package main

// The JSON log: one object a line on stdout, fields in the documented order
// (level, component, the event's own, time, message).

import (
	"bytes"
	"encoding/json"
	"io"
	"net/url"
	"strings"
	"sync"
	"time"
)

// field is one name and value of a line; nil and "" values are left out when
// the name ends in "?", as the documented optional ones are.
type field struct {
	name  string
	value any
}

type eventLog struct {
	mu             sync.Mutex
	out            io.Writer
	includeAllowed bool
	includeBlocked bool
}

var messages = map[string]string{
	"startup":          "pipelock started",
	"shutdown":         "pipelock stopping",
	"config_reload":    "configuration reloaded",
	"blocked":          "request blocked",
	"anomaly":          "anomaly detected",
	"error":            "request error",
	"forward_http":     "forward proxy request",
	"tunnel_open":      "tunnel opened",
	"tunnel_close":     "tunnel closed",
	"body_dlp":         "request body DLP scan hit",
	"header_dlp":       "request header DLP scan hit",
	"dlp_warn":         "DLP warn-mode match (informational)",
	"sni_mismatch":     "SNI verification failed",
	"kill_switch_deny": "kill switch denied request",
}

var techniques = map[string]string{
	"allowlist": "T1071.001", "blocklist": "T1071.001", "ratelimit": "T1030",
	"length": "T1048", "entropy": "T1048", "subdomain_entropy": "T1048",
	"dlp": "T1048", "core_dlp": "T1048", "body_dlp": "T1048", "header_dlp": "T1048",
	"ssrf": "T1046", "crlf_injection": "T1190", "path_traversal": "T1083",
	"scheme": "T1071", "parser": "T1190", "tls_authority_mismatch": "T1090.004",
	"tls_handshake_error": "T1573", "tls_intercept": "T1557", "tls_response_blocked": "T1659",
}

// Scanners whose lines hide the path: what follows the host may be the secret.
var redacted = map[string]bool{"dlp": true, "body_dlp": true, "header_dlp": true}

func redact(scanner, kind, value string) string {
	if value == "" || !redacted[scanner] {
		return value
	}
	if kind == "target" {
		return "[redacted-url]"
	}
	u, err := url.Parse(value)
	if err != nil || u.Host == "" {
		return "[redacted-url]"
	}
	return u.Scheme + "://" + u.Host + "/[redacted]"
}

// clean removes control characters, as pipelock does before it writes a string.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if (r < ' ' && r != '\t' && r != '\n') || r == 0x7f {
			return -1
		}
		return r
	}, s)
}

func appendJSON(b *bytes.Buffer, v any) {
	if s, ok := v.(string); ok {
		v = clean(s)
	}
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		b.WriteString(`""`)
		return
	}
	b.Truncate(b.Len() - 1) // the encoder's line feed
}

func isEmpty(v any) bool {
	switch x := v.(type) {
	case nil:
		return true
	case string:
		return x == ""
	}
	return false
}

func (l *eventLog) write(level, event string, fields ...field) {
	var b bytes.Buffer

	b.WriteString(`{"level":"` + level + `","component":"pipelock","event":"` + event + `"`)
	for _, f := range fields {
		name, optional := strings.CutSuffix(f.name, "?")
		if optional && isEmpty(f.value) {
			continue
		}
		b.WriteString(`,"` + name + `":`)
		appendJSON(&b, f.value)
	}
	b.WriteString(`,"time":"` + time.Now().UTC().Format("2006-01-02T15:04:05Z") + `"`)
	b.WriteString(`,"message":"` + messages[event] + `"}` + "\n")
	l.mu.Lock()
	defer l.mu.Unlock()
	l.out.Write(b.Bytes())
}

// about says what a line is about: whose request, for which of url and target.
type about struct {
	method   string
	url      string
	target   string
	clientIP string
	id       string
	agent    string
}

func (l *eventLog) blocked(a about, scanner, reason string) {
	if !l.includeBlocked {
		return
	}
	l.write("warn", "blocked",
		field{"method", a.method},
		field{"url?", redact(scanner, "url", a.url)}, field{"target?", redact(scanner, "target", a.target)},
		field{"client_ip?", a.clientIP}, field{"request_id?", a.id},
		field{"scanner", scanner}, field{"reason", reason}, field{"agent?", a.agent},
		field{"mitre_technique?", techniques[scanner]})
}

func (l *eventLog) anomaly(a about, scanner, reason string, score float64) {
	l.write("warn", "anomaly",
		field{"method", a.method}, field{"url?", a.url}, field{"target?", a.target},
		field{"client_ip?", a.clientIP}, field{"request_id?", a.id}, field{"agent?", a.agent},
		field{"scanner?", scanner}, field{"mitre_technique?", techniques[scanner]},
		field{"reason", reason}, field{"score", score})
}

func (l *eventLog) failed(a about, text string) {
	l.write("error", "error",
		field{"method?", a.method}, field{"url?", a.url}, field{"target?", a.target},
		field{"client_ip?", a.clientIP}, field{"request_id?", a.id}, field{"agent?", a.agent},
		field{"error", text})
}

func (l *eventLog) bodyDLP(a about, action string, patterns []string) {
	l.write("warn", "body_dlp",
		field{"method", a.method}, field{"url", a.url}, field{"action", action},
		field{"client_ip?", a.clientIP}, field{"request_id?", a.id}, field{"agent?", a.agent},
		field{"match_count", len(patterns)}, field{"patterns", patterns},
		field{"mitre_technique", techniques["body_dlp"]})
}

func (l *eventLog) headerDLP(a about, header, action string, patterns []string) {
	l.write("warn", "header_dlp",
		field{"method", a.method}, field{"url?", a.url}, field{"target?", a.target},
		field{"header", header}, field{"action", action},
		field{"client_ip?", a.clientIP}, field{"request_id?", a.id}, field{"agent?", a.agent},
		field{"patterns", patterns}, field{"mitre_technique", techniques["header_dlp"]})
}

func (l *eventLog) dlpWarn(a about, p *pattern, transport string) {
	l.write("warn", "dlp_warn",
		field{"mode", "warn"}, field{"pattern", p.name}, field{"severity", p.severity},
		field{"transport", transport}, field{"mitre_technique", techniques["dlp"]},
		field{"method", a.method}, field{"url?", a.url}, field{"target?", a.target},
		field{"client_ip?", a.clientIP}, field{"request_id?", a.id}, field{"agent?", a.agent})
}

func milliseconds(d time.Duration) float64 {
	return float64(d.Nanoseconds()) / 1e6
}
