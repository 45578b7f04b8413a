package main

// A policy is one configuration in force: built at start and by each reload,
// never changed. A tunnel keeps the one that it was opened with.

import (
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// The tests have names and roots of their own.
var (
	lookup        = net.DefaultResolver.LookupNetIP
	upstreamRoots *x509.CertPool // nil: the system's, as SSL_CERT_FILE says
)

type policy struct {
	*config
	dlp   *dlp
	ca    *authority // nil without interception
	rates *rateLimit
}

func newPolicy(c *config) (*policy, error) {
	p := &policy{config: c, dlp: newDLP(c),
		rates: &rateLimit{max: c.FetchProxy.Monitoring.MaxRequestsPerMinute, seen: map[string][]time.Time{}}}
	if c.TLSInterception.Enabled {
		ca, err := loadAuthority(c)
		if err != nil {
			return nil, err
		}
		p.ca = ca
	}
	return p, nil
}

// rateLimit counts a domain's requests of the last minute.
type rateLimit struct {
	mu   sync.Mutex
	max  int
	seen map[string][]time.Time
}

func registrable(host string) string {
	if net.ParseIP(host) != nil {
		return host
	}
	labels := strings.Split(strings.ToLower(host), ".")
	if len(labels) <= 2 {
		return strings.Join(labels, ".")
	}
	return strings.Join(labels[len(labels)-2:], ".")
}

func (r *rateLimit) take(host string, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := registrable(host)
	recent := slices.DeleteFunc(r.seen[key], func(t time.Time) bool { return now.Sub(t) >= time.Minute })
	if len(recent) >= r.max {
		r.seen[key] = recent
		return false
	}
	r.seen[key] = append(recent, now)
	return true
}

// refusal is why a request does not pass. nil: it does.
type refusal struct {
	scanner string
	reason  string
	status  int
}

func refuse(scanner, format string, args ...any) *refusal {
	status := http.StatusForbidden
	if scanner == "ratelimit" {
		status = http.StatusTooManyRequests
	}
	return &refusal{scanner: scanner, reason: fmt.Sprintf(format, args...), status: status}
}

func hint(scanner string) string {
	switch scanner {
	case "allowlist":
		return "Add the domain to api_allowlist."
	case "ssrf":
		return "Add the domain to trusted_domains, if it is meant to be internal."
	case "dlp", "core_dlp":
		return "Remove the secret from the URL."
	case "ratelimit":
		return "Wait, or raise max_requests_per_minute."
	}
	return ""
}

// checkURL is the URL pipeline. The addresses that the host has come back for
// the dial, so that no second look-up can give others. warned hears of patterns
// that only warn.
func (p *policy) checkURL(ctx context.Context, u *url.URL, warned func(*pattern)) ([]netip.Addr, *refusal) {
	host := u.Hostname()
	if u.Scheme != "http" && u.Scheme != "https" {
		return nil, refuse("scheme", "scheme not allowed: %s", u.Scheme)
	}
	if r := p.checkSyntax(u); r != nil {
		return nil, r
	}
	if _, ok := hostMatches(p.APIAllowlist, host); p.Mode == "strict" && !ok {
		return nil, refuse("allowlist", "domain not in allowlist: %s", host)
	}
	if entry, ok := hostMatches(p.FetchProxy.Monitoring.Blocklist, host); ok {
		return nil, refuse("blocklist", "domain blocked: %s matches %s", host, entry)
	}
	if r := p.checkSecrets(u, warned); r != nil {
		return nil, r
	}
	if r := p.checkEntropy(u); r != nil {
		return nil, r
	}
	addrs, r := p.checkAddresses(ctx, host)
	if r != nil {
		return nil, r
	}
	if !p.rates.take(host, time.Now()) {
		return nil, refuse("ratelimit", "rate limit exceeded for %s", host)
	}
	if n, most := len(u.String()), p.FetchProxy.Monitoring.MaxURLLength; n > most {
		return nil, refuse("length", "URL length %d exceeds maximum %d", n, most)
	}
	return addrs, nil
}

func (p *policy) checkSyntax(u *url.URL) *refusal {
	text := strings.ToLower(u.String())
	if strings.Contains(text, "%0d") || strings.Contains(text, "%0a") {
		return refuse("crlf_injection", "CRLF injection sequence in URL")
	}
	path, _ := url.PathUnescape(u.EscapedPath())
	if slices.Contains(strings.Split(path, "/"), "..") {
		return refuse("path_traversal", "path traversal sequence in URL")
	}
	return nil
}

// urlTexts are what the patterns see of a URL: all of it, and its parts decoded.
func urlTexts(u *url.URL) []string {
	texts := []string{u.String(), u.Path, u.RawQuery}
	for name, values := range u.Query() {
		texts = append(texts, name)
		texts = append(texts, values...)
	}
	return texts
}

func (p *policy) checkSecrets(u *url.URL, warned func(*pattern)) *refusal {
	found := p.dlp.scan(urlTexts(u)...)
	isExempt := func(x *pattern) bool {
		_, ok := hostMatches(x.exempt, u.Hostname())
		return ok && !x.core
	}
	for _, x := range found.patterns {
		if x.core {
			return refuse("core_dlp", "core DLP match: %s (%s)", x.name, x.severity)
		}
	}
	if slices.Contains(found.known, "Environment Variable Leak") {
		return refuse("dlp", "environment variable leak detected")
	}
	if len(found.known) > 0 {
		return refuse("dlp", "known secret leak detected")
	}
	for _, x := range found.patterns {
		if isExempt(x) {
			continue
		}
		if x.warn {
			warned(x)
			continue
		}
		return refuse("dlp", "DLP match: %s (%s)", x.name, x.severity)
	}
	return nil
}

func (p *policy) checkEntropy(u *url.URL) *refusal {
	m := &p.FetchProxy.Monitoring
	for _, part := range strings.Split(u.Path, "/") {
		if e := entropy(part); len(part) >= 20 && e > m.EntropyThreshold {
			return refuse("entropy", "high entropy path segment (%.2f > %.2f threshold)", e, m.EntropyThreshold)
		}
	}
	query := u.Query()
	names := make([]string, 0, len(query))
	for name := range query {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, value := range query[name] {
			if e := entropy(value); len(value) >= 20 && e > m.EntropyThreshold {
				return refuse("entropy", "high entropy query param %q (%.2f > %.2f threshold)", name, e, m.EntropyThreshold)
			}
		}
	}
	labels := strings.Split(strings.ToLower(u.Hostname()), ".")
	if _, exempt := hostMatches(m.SubdomainEntropyExclusions, u.Hostname()); exempt || len(labels) < 3 {
		return nil
	}
	for _, label := range labels[:len(labels)-2] {
		if e := entropy(label); len(label) >= 20 && e > m.SubdomainEntropyThreshold {
			return refuse("subdomain_entropy", "high entropy subdomain label %q (%.2f > %.2f threshold)",
				label, e, m.SubdomainEntropyThreshold)
		}
	}
	return nil
}

func contains(list []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Contains(a) })
}

func (p *policy) checkAddresses(ctx context.Context, host string) ([]netip.Addr, *refusal) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var addrs []netip.Addr
	if a, err := netip.ParseAddr(host); err == nil {
		addrs = []netip.Addr{a}
	} else {
		found, err := lookup(ctx, "ip", host)
		if err != nil {
			return nil, refuse("ssrf", "SSRF check failed: DNS resolution error for %s: %v", host, err)
		}
		addrs = found
	}
	_, trusted := hostMatches(p.TrustedDomains, host)
	for i, a := range addrs {
		addrs[i] = a.Unmap()
		if !trusted && contains(p.internal, addrs[i]) && !contains(p.allowed, addrs[i]) {
			return nil, refuse("ssrf", "SSRF blocked: %s resolves to internal IP %s", host, addrs[i])
		}
	}
	return addrs, nil
}

// checkHeaders returns the first header that holds a secret, and the names.
func (p *policy) checkHeaders(h http.Header) (header string, names []string) {
	b := &p.RequestBodyScanning
	if !b.Enabled || !b.ScanHeaders {
		return "", nil
	}
	looked := b.SensitiveHeaders
	if b.HeaderMode == "all" {
		looked = nil
		for name := range h {
			if !slices.ContainsFunc(b.IgnoreHeaders, func(s string) bool { return strings.EqualFold(s, name) }) {
				looked = append(looked, name)
			}
		}
		slices.Sort(looked)
	}
	for _, name := range looked {
		for _, value := range h.Values(name) {
			if found, _ := p.dlp.scan(value).names(); len(found) > 0 {
				return http.CanonicalHeaderKey(name), found
			}
		}
	}
	return "", nil
}

// bodyResult is what a look at a body gave. reason is set for those that cannot
// be looked at: they are refused whatever the action is.
type bodyResult struct {
	names  []string
	warns  []*pattern
	reason string
}

func (p *policy) checkBody(h http.Header, body []byte) bodyResult {
	if enc := h.Get("Content-Encoding"); enc != "" && !strings.EqualFold(enc, "identity") && len(body) > 0 {
		return bodyResult{reason: fmt.Sprintf(
			"request body uses Content-Encoding %q; compressed bodies cannot be scanned for secrets", enc)}
	}
	if int64(len(body)) > p.RequestBodyScanning.MaxBodyBytes {
		return bodyResult{reason: fmt.Sprintf("request body exceeds max_body_bytes (%d)",
			p.RequestBodyScanning.MaxBodyBytes)}
	}
	if len(body) == 0 {
		return bodyResult{}
	}
	texts, err := bodyTexts(h.Get("Content-Type"), body)
	if err != nil {
		return bodyResult{reason: err.Error()}
	}
	names, warns := p.dlp.scan(texts...).names()
	return bodyResult{names: names, warns: warns}
}
