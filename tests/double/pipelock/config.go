package main

// The configuration: YAML, one document, unknown keys fatal. Sections without a
// behaviour of the stand-in are read and checked for being mappings, no more.

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

type patternConfig struct {
	Name          string   `yaml:"name"`
	Regex         string   `yaml:"regex"`
	Severity      string   `yaml:"severity"`
	Validator     string   `yaml:"validator"`
	ExemptDomains []string `yaml:"exempt_domains"`
	Action        string   `yaml:"action"`
}

type config struct {
	Version       int      `yaml:"version"`
	Mode          string   `yaml:"mode"`
	Enforce       bool     `yaml:"enforce"`
	ExplainBlocks bool     `yaml:"explain_blocks"`
	APIAllowlist  []string `yaml:"api_allowlist"`

	FetchProxy struct {
		Listen         string `yaml:"listen"`
		TimeoutSeconds int    `yaml:"timeout_seconds"`
		MaxResponseMB  int    `yaml:"max_response_mb"`
		UserAgent      string `yaml:"user_agent"`
		Monitoring     struct {
			MaxURLLength               int      `yaml:"max_url_length"`
			EntropyThreshold           float64  `yaml:"entropy_threshold"`
			SubdomainEntropyThreshold  float64  `yaml:"subdomain_entropy_threshold"`
			MaxRequestsPerMinute       int      `yaml:"max_requests_per_minute"`
			MaxDataPerMinute           int      `yaml:"max_data_per_minute"`
			Blocklist                  []string `yaml:"blocklist"`
			SubdomainEntropyExclusions []string `yaml:"subdomain_entropy_exclusions"`
		} `yaml:"monitoring"`
	} `yaml:"fetch_proxy"`

	ForwardProxy struct {
		Enabled                bool     `yaml:"enabled"`
		MaxTunnelSeconds       int      `yaml:"max_tunnel_seconds"`
		IdleTimeoutSeconds     int      `yaml:"idle_timeout_seconds"`
		SNIVerification        bool     `yaml:"sni_verification"`
		RedirectWebsocketHosts []string `yaml:"redirect_websocket_hosts"`
	} `yaml:"forward_proxy"`

	WebsocketProxy struct {
		Enabled                  bool   `yaml:"enabled"`
		MaxMessageBytes          int    `yaml:"max_message_bytes"`
		MaxConcurrentConnections int    `yaml:"max_concurrent_connections"`
		ScanTextFrames           bool   `yaml:"scan_text_frames"`
		AllowBinaryFrames        bool   `yaml:"allow_binary_frames"`
		ForwardCookies           bool   `yaml:"forward_cookies"`
		StripCompression         bool   `yaml:"strip_compression"`
		MaxConnectionSeconds     int    `yaml:"max_connection_seconds"`
		IdleTimeoutSeconds       int    `yaml:"idle_timeout_seconds"`
		OriginPolicy             string `yaml:"origin_policy"`
	} `yaml:"websocket_proxy"`

	DLP struct {
		ScanEnv            bool            `yaml:"scan_env"`
		SecretsFile        string          `yaml:"secrets_file"`
		MinEnvSecretLength int             `yaml:"min_env_secret_length"`
		IncludeDefaults    bool            `yaml:"include_defaults"`
		Patterns           []patternConfig `yaml:"patterns"`
	} `yaml:"dlp"`

	RequestBodyScanning struct {
		Enabled          bool     `yaml:"enabled"`
		Action           string   `yaml:"action"`
		MaxBodyBytes     int64    `yaml:"max_body_bytes"`
		ScanHeaders      bool     `yaml:"scan_headers"`
		HeaderMode       string   `yaml:"header_mode"`
		SensitiveHeaders []string `yaml:"sensitive_headers"`
		IgnoreHeaders    []string `yaml:"ignore_headers"`
	} `yaml:"request_body_scanning"`

	TLSInterception struct {
		Enabled            bool     `yaml:"enabled"`
		CACert             string   `yaml:"ca_cert"`
		CAKey              string   `yaml:"ca_key"`
		PassthroughDomains []string `yaml:"passthrough_domains"`
		CertTTL            string   `yaml:"cert_ttl"`
		CertCacheSize      int      `yaml:"cert_cache_size"`
		MaxResponseBytes   int64    `yaml:"max_response_bytes"`
	} `yaml:"tls_interception"`

	ResponseScanning struct {
		Enabled           bool            `yaml:"enabled"`
		Action            string          `yaml:"action"`
		AskTimeoutSeconds int             `yaml:"ask_timeout_seconds"`
		IncludeDefaults   bool            `yaml:"include_defaults"`
		Patterns          []patternConfig `yaml:"patterns"`
		ExemptDomains     []string        `yaml:"exempt_domains"`
		SSEStreaming      struct {
			Enabled       bool   `yaml:"enabled"`
			Action        string `yaml:"action"`
			MaxEventBytes int    `yaml:"max_event_bytes"`
		} `yaml:"sse_streaming"`
	} `yaml:"response_scanning"`

	Internal []string `yaml:"internal"`
	SSRF     struct {
		IPAllowlist []string `yaml:"ip_allowlist"`
	} `yaml:"ssrf"`
	TrustedDomains []string `yaml:"trusted_domains"`

	KillSwitch struct {
		Enabled       bool     `yaml:"enabled"`
		SentinelFile  string   `yaml:"sentinel_file"`
		Message       string   `yaml:"message"`
		HealthExempt  bool     `yaml:"health_exempt"`
		MetricsExempt bool     `yaml:"metrics_exempt"`
		APIExempt     bool     `yaml:"api_exempt"`
		APIToken      string   `yaml:"api_token"`
		APIListen     string   `yaml:"api_listen"`
		AllowlistIPs  []string `yaml:"allowlist_ips"`
	} `yaml:"kill_switch"`

	MetricsListen string `yaml:"metrics_listen"`

	Logging struct {
		Format         string `yaml:"format"`
		Output         string `yaml:"output"`
		File           string `yaml:"file"`
		IncludeAllowed bool   `yaml:"include_allowed"`
		IncludeBlocked bool   `yaml:"include_blocked"`
	} `yaml:"logging"`

	DefaultAgentIdentity     string `yaml:"default_agent_identity"`
	BindDefaultAgentIdentity bool   `yaml:"bind_default_agent_identity"`

	Taint struct {
		Enabled bool   `yaml:"enabled"`
		Policy  string `yaml:"policy"`
	} `yaml:"taint"`
	Sentry struct {
		Enabled bool   `yaml:"enabled"`
		DSN     string `yaml:"dsn"`
	} `yaml:"sentry"`
	SeedPhraseDetection struct {
		Enabled        bool `yaml:"enabled"`
		MinWords       int  `yaml:"min_words"`
		VerifyChecksum bool `yaml:"verify_checksum"`
	} `yaml:"seed_phrase_detection"`
	MediaPolicy struct {
		Enabled            bool  `yaml:"enabled"`
		StripImages        bool  `yaml:"strip_images"`
		StripAudio         bool  `yaml:"strip_audio"`
		StripVideo         bool  `yaml:"strip_video"`
		StripImageMetadata bool  `yaml:"strip_image_metadata"`
		MaxImageBytes      int64 `yaml:"max_image_bytes"`
		LogMediaExposure   bool  `yaml:"log_media_exposure"`
	} `yaml:"media_policy"`

	Suppress []struct {
		Rule   string `yaml:"rule"`
		Path   string `yaml:"path"`
		Reason string `yaml:"reason"`
	} `yaml:"suppress"`

	// Accepted, without a behaviour here.
	CanaryTokens          map[string]any `yaml:"canary_tokens"`
	Emit                  map[string]any `yaml:"emit"`
	FlightRecorder        map[string]any `yaml:"flight_recorder"`
	Rules                 map[string]any `yaml:"rules"`
	SessionProfiling      map[string]any `yaml:"session_profiling"`
	AdaptiveEnforcement   map[string]any `yaml:"adaptive_enforcement"`
	Airlock               map[string]any `yaml:"airlock"`
	CrossRequestDetection map[string]any `yaml:"cross_request_detection"`
	AddressProtection     map[string]any `yaml:"address_protection"`
	BrowserShield         map[string]any `yaml:"browser_shield"`
	Redaction             map[string]any `yaml:"redaction"`
	MediationEnvelope     map[string]any `yaml:"mediation_envelope"`

	// Derived.
	hash     string
	dir      string
	secrets  []string
	patterns []*pattern
	internal []netip.Prefix
	allowed  []netip.Prefix
	certTTL  time.Duration
}

var defaultSensitive = []string{"Authorization", "Cookie", "X-Api-Key", "X-Token",
	"Proxy-Authorization", "X-Goog-Api-Key"}

var defaultInternal = []string{"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8",
	"169.254.0.0/16", "100.64.0.0/10", "224.0.0.0/4", "0.0.0.0/8", "::1/128", "fc00::/7",
	"fe80::/10", "ff00::/8"}

func defaults() *config {
	c := &config{Version: 1, Mode: "balanced", Enforce: true}
	c.FetchProxy.Listen = "127.0.0.1:8888"
	c.FetchProxy.TimeoutSeconds = 30
	m := &c.FetchProxy.Monitoring
	m.MaxURLLength, m.EntropyThreshold, m.SubdomainEntropyThreshold = 2048, 4.5, 4.0
	m.MaxRequestsPerMinute = 60
	c.ForwardProxy.MaxTunnelSeconds, c.ForwardProxy.IdleTimeoutSeconds = 300, 120
	c.ForwardProxy.SNIVerification = true
	c.WebsocketProxy.ScanTextFrames, c.WebsocketProxy.StripCompression = true, true
	c.DLP.ScanEnv, c.DLP.IncludeDefaults, c.DLP.MinEnvSecretLength = true, true, 16
	b := &c.RequestBodyScanning
	b.Enabled, b.ScanHeaders, b.Action, b.HeaderMode = true, true, "warn", "sensitive"
	b.MaxBodyBytes = 5 << 20
	t := &c.TLSInterception
	t.CertTTL, t.CertCacheSize, t.MaxResponseBytes = "24h", 10000, 5<<20
	r := &c.ResponseScanning
	r.Enabled, r.Action, r.IncludeDefaults = true, "warn", true
	r.SSEStreaming.Enabled, r.SSEStreaming.Action = true, "block"
	c.Internal = defaultInternal
	k := &c.KillSwitch
	k.Message = "Emergency deny-all active"
	k.HealthExempt, k.MetricsExempt, k.APIExempt = true, true, true
	c.Logging.Format, c.Logging.Output = "json", "stdout"
	c.Logging.IncludeAllowed, c.Logging.IncludeBlocked = true, true
	c.Taint.Enabled, c.Sentry.Enabled, c.SeedPhraseDetection.Enabled = true, true, true
	c.MediaPolicy.Enabled = true
	return c
}

// loadConfig reads and checks the file. warnings are what pipelock prints as
// "WARNING: <field>: <msg>".
func loadConfig(path string) (c *config, warnings []string, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, fmt.Errorf("reading config: %w", err)
	}
	c, err = parseConfig(text)
	if err != nil {
		return nil, nil, err
	}
	c.dir = filepath.Dir(path)
	warnings, err = c.validate()
	if err != nil {
		return nil, nil, err
	}
	return c, warnings, nil
}

func parseConfig(text []byte) (*config, error) {
	c := defaults()
	sum := sha256.Sum256(text)
	c.hash = hex.EncodeToString(sum[:])
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	if err := dec.Decode(c); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, errors.New("parsing config: the file is empty")
		}
		return nil, fmt.Errorf("parsing config: %w", err)
	}
	var rest yaml.Node
	if err := dec.Decode(&rest); !errors.Is(err, io.EOF) {
		return nil, errors.New("parsing config: more than one YAML document")
	}
	return c, nil
}

func oneOf(name, value string, allowed ...string) error {
	for _, a := range allowed {
		if value == a {
			return nil
		}
	}
	return fmt.Errorf("%s: %q is not one of %s", name, value, strings.Join(allowed, ", "))
}

func parsePrefixes(name string, list []string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, s := range list {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return nil, fmt.Errorf("%s: %q is not a CIDR", name, s)
		}
		out = append(out, p)
	}
	return out, nil
}

func (c *config) validateValues() error {
	checks := []error{
		oneOf("mode", c.Mode, "strict", "balanced", "audit"),
		oneOf("request_body_scanning.action", c.RequestBodyScanning.Action, "warn", "block"),
		oneOf("request_body_scanning.header_mode", c.RequestBodyScanning.HeaderMode, "sensitive", "all"),
		oneOf("response_scanning.action", c.ResponseScanning.Action, "warn", "block", "strip", "ask"),
		oneOf("response_scanning.sse_streaming.action", c.ResponseScanning.SSEStreaming.Action, "warn", "block"),
		oneOf("logging.format", c.Logging.Format, "json", "text"),
		oneOf("logging.output", c.Logging.Output, "stdout", "file", "both"),
	}
	if c.Mode == "strict" && len(c.APIAllowlist) == 0 {
		checks = append(checks, errors.New("strict mode requires at least one api_allowlist entry"))
	}
	if !c.WebsocketProxy.StripCompression {
		checks = append(checks, errors.New("websocket_proxy.strip_compression must be true"))
	}
	if c.KillSwitch.APIListen != "" && c.KillSwitch.APIToken == "" {
		checks = append(checks, errors.New("kill_switch.api_listen requires kill_switch.api_token"))
	}
	if c.BrowserShield["enabled"] == true && c.BrowserShield["strictness"] == nil {
		checks = append(checks, errors.New("browser_shield.strictness must be set"))
	}
	for _, listen := range []struct{ name, value string }{{"fetch_proxy.listen", c.FetchProxy.Listen},
		{"metrics_listen", c.MetricsListen}, {"kill_switch.api_listen", c.KillSwitch.APIListen}} {
		if listen.value == "" {
			continue
		}
		if _, _, err := net.SplitHostPort(listen.value); err != nil {
			checks = append(checks, fmt.Errorf("%s: %w", listen.name, err))
		}
	}
	return errors.Join(checks...)
}

func (c *config) validate() (warnings []string, err error) {
	if token := os.Getenv("PIPELOCK_KILLSWITCH_API_TOKEN"); token != "" {
		c.KillSwitch.APIToken = token
	}
	if c.FetchProxy.Monitoring.MaxRequestsPerMinute == 0 {
		c.FetchProxy.Monitoring.MaxRequestsPerMinute = 60
	}
	if len(c.RequestBodyScanning.SensitiveHeaders) == 0 {
		c.RequestBodyScanning.SensitiveHeaders = defaultSensitive
	}
	if err = c.validateValues(); err != nil {
		return nil, err
	}
	if c.certTTL, err = time.ParseDuration(c.TLSInterception.CertTTL); err != nil || c.certTTL <= 0 {
		return nil, fmt.Errorf("tls_interception.cert_ttl: %q is not a duration", c.TLSInterception.CertTTL)
	}
	if c.internal, err = parsePrefixes("internal", c.Internal); err != nil {
		return nil, err
	}
	if c.allowed, err = parsePrefixes("ssrf.ip_allowlist", c.SSRF.IPAllowlist); err != nil {
		return nil, err
	}
	for _, p := range c.allowed {
		if p.Bits() == 0 || p.Masked() != p {
			return nil, fmt.Errorf("ssrf.ip_allowlist: %s is too wide or has host bits", p)
		}
	}
	if c.secrets, err = c.loadSecrets(); err != nil {
		return nil, err
	}
	if c.patterns, err = c.buildPatterns(); err != nil {
		return nil, err
	}
	if c.TLSInterception.Enabled {
		if err = c.checkCAFiles(); err != nil {
			return nil, err
		}
		if !c.ForwardProxy.Enabled {
			warnings = append(warnings, "tls_interception: has no effect without forward_proxy.enabled")
		}
	}
	if c.Mode != "strict" && len(c.APIAllowlist) > 0 {
		warnings = append(warnings, "api_allowlist: not enforced in "+c.Mode+" mode")
	}
	return warnings, nil
}

func (c *config) resolvePath(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(c.dir, path)
}

// checkMode refuses what others than owner and group could read or change.
func checkMode(what, path string) error {
	st, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if st.Mode().Perm()&0o137 != 0 {
		return fmt.Errorf("%s %s is too permissive (mode %#o): restrict to 0600 or 0640", what, path, st.Mode().Perm())
	}
	return nil
}

func (c *config) checkCAFiles() error {
	if _, err := os.Stat(c.resolvePath(c.TLSInterception.CACert)); err != nil {
		return fmt.Errorf("tls_interception.ca_cert: %w", err)
	}
	return checkMode("CA key", c.resolvePath(c.TLSInterception.CAKey))
}

func (c *config) loadSecrets() ([]string, error) {
	if c.DLP.SecretsFile == "" {
		return nil, nil
	}
	path := c.resolvePath(c.DLP.SecretsFile)
	if err := checkMode("dlp.secrets_file", path); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("dlp.secrets_file: %w", err)
	}
	var out []string
	for _, line := range strings.Split(string(text), "\n") {
		if line = strings.TrimRight(line, "\r"); line != "" {
			out = append(out, line)
		}
	}
	return out, nil
}

func (c *config) buildPatterns() ([]*pattern, error) {
	var out []*pattern
	if c.DLP.IncludeDefaults {
		out = append(out, defaultPatterns...)
	}
	for _, p := range c.DLP.Patterns {
		if p.Name == "" || p.Regex == "" {
			return nil, errors.New("dlp.patterns: name and regex are required")
		}
		if p.Action != "" && p.Action != "warn" {
			return nil, fmt.Errorf("dlp.patterns: %s: action %q is not \"warn\"", p.Name, p.Action)
		}
		re, err := regexp.Compile("(?i)" + p.Regex)
		if err != nil {
			return nil, fmt.Errorf("dlp.patterns: %s: %w", p.Name, err)
		}
		severity := p.Severity
		if severity == "" {
			severity = "high"
		}
		custom := &pattern{name: p.Name, severity: severity, re: re, source: p.Regex,
			exempt: p.ExemptDomains, warn: p.Action == "warn"}
		replaced := false
		for i := range out {
			if out[i].name == p.Name {
				if custom.warn {
					return nil, fmt.Errorf("dlp.patterns: %s: a default pattern cannot only warn", p.Name)
				}
				out[i] = custom
				replaced = true
			}
		}
		if !replaced {
			out = append(out, custom)
		}
	}
	return out, nil
}

// hostMatches is api_allowlist's and trusted_domains' rule: exact, or "*.dom"
// for dom itself and everything below it. Case does not count.
func hostMatches(list []string, host string) (string, bool) {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	for _, entry := range list {
		e := strings.ToLower(entry)
		if dom, wild := strings.CutPrefix(e, "*."); wild {
			if host == dom || strings.HasSuffix(host, "."+dom) {
				return entry, true
			}
		} else if host == e {
			return entry, true
		}
	}
	return "", false
}

// isPassthrough: exact, or "*.dom" for what is below dom, not dom itself.
func (c *config) isPassthrough(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	for _, entry := range c.TLSInterception.PassthroughDomains {
		e := strings.ToLower(entry)
		if dom, wild := strings.CutPrefix(e, "*."); wild {
			if strings.HasSuffix(host, "."+dom) {
				return true
			}
		} else if host == e {
			return true
		}
	}
	return false
}
