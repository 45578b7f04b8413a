// A stand-in for pipelock 2.3.0, for tests and for the demo on machines where
// the real module cannot be fetched. It is not pipelock, shares no source with
// it, and protects nobody: README.md says what it does and what it leaves out.
package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"syscall"
	"time"
)

const version = "2.3.0-standin"

const banner = "STAND-IN, not pipelock: a test double that behaves as pipelock 2.3.0 is documented to. Protects nothing.\n"

func fileHash(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

func run(args []string, stdout, stderr io.Writer) int {
	verb := ""
	if len(args) > 0 {
		verb = args[0]
	}
	switch verb {
	case "run":
		return runProxy(args[1:], stdout, stderr)
	case "check":
		return runCheck(args[1:], stderr)
	case "healthcheck":
		return runHealthcheck(args[1:], stderr)
	case "version", "--version":
		fmt.Fprintf(stdout, "pipelock version %s (STAND-IN, not pipelock)\n", version)
		return 0
	}
	fmt.Fprintf(stderr, "%susage: pipelock run|check --config FILE, healthcheck, version\n", banner)
	return 1
}

func flags(name string, stderr io.Writer) (*flag.FlagSet, *string) {
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	f.SetOutput(stderr)
	path := f.String("config", "", "configuration file")
	f.StringVar(path, "c", "", "configuration file")
	return f, path
}

func fail(stderr io.Writer, err error) int {
	fmt.Fprintf(stderr, "Error: %v\n", err)
	return 1
}

func runCheck(args []string, stderr io.Writer) int {
	f, path := flags("check", stderr)
	target := f.String("url", "", "URL to judge")
	if err := f.Parse(args); err != nil {
		return 1
	}
	fmt.Fprint(stderr, banner)
	c, warnings, err := loadConfig(*path)
	if err != nil {
		return fail(stderr, err)
	}
	for _, w := range warnings {
		fmt.Fprintf(stderr, "WARNING: %s\n", w)
	}
	fmt.Fprintf(stderr, "Config OK\n  Mode:   %s\n", c.Mode)
	if *target == "" {
		return 0
	}
	u, err := url.Parse(*target)
	if err != nil || u.Host == "" {
		return fail(stderr, fmt.Errorf("--url %q is not an absolute URL", *target))
	}
	// without the CA: check does not look into its key, as the real one does not
	c.TLSInterception.Enabled = false
	p, err := newPolicy(c)
	if err != nil {
		return fail(stderr, err)
	}
	if _, no := p.checkURL(context.Background(), u, func(*pattern) {}); no != nil {
		fmt.Fprintf(stderr, "URL blocked: %s\n  Scanner: %s\n  Reason:  %s\n", *target, no.scanner, no.reason)
		return 1
	}
	fmt.Fprintf(stderr, "URL allowed: %s\n", *target)
	return 0
}

func runHealthcheck(args []string, stderr io.Writer) int {
	f := flag.NewFlagSet("healthcheck", flag.ContinueOnError)
	f.SetOutput(stderr)
	addr := f.String("addr", "127.0.0.1:8888", "address of the proxy")
	if err := f.Parse(args); err != nil {
		return 1
	}
	client := http.Client{Timeout: 3 * time.Second, Transport: &http.Transport{}}
	resp, err := client.Get("http://" + *addr + "/health")
	if err != nil {
		return fail(stderr, err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fail(stderr, fmt.Errorf("health: %s", resp.Status))
	}
	return 0
}

func serve(s *server, listen string, h http.Handler) (*http.Server, error) {
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return nil, err
	}
	srv := &http.Server{Handler: h, ErrorLog: log.New(s.stderr, "", log.LstdFlags), ReadHeaderTimeout: 10 * time.Second}
	go func() {
		if err := srv.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) {
			fmt.Fprintf(s.stderr, "Error: %v\n", err)
			os.Exit(1)
		}
	}()
	return srv, nil
}

func (s *server) isPublic(listen string) bool {
	host, _, _ := net.SplitHostPort(listen)
	ip := net.ParseIP(host)
	return host != "localhost" && (ip == nil || !ip.IsLoopback())
}

func runProxy(args []string, stdout, stderr io.Writer) int {
	f, path := flags("run", stderr)
	mode := f.String("mode", "", "")
	f.StringVar(mode, "m", "", "")
	listen := f.String("listen", "", "")
	f.StringVar(listen, "l", "", "")
	if err := f.Parse(args); err != nil {
		return 1
	}
	fmt.Fprint(stderr, banner)
	if *path == "" {
		return fail(stderr, errors.New("the stand-in needs --config"))
	}
	c, warnings, err := loadConfig(*path)
	if err != nil {
		return fail(stderr, err)
	}
	if *mode != "" {
		c.Mode = *mode
	}
	if *listen != "" {
		c.FetchProxy.Listen = *listen
	}
	p, err := newPolicy(c)
	if err != nil {
		return fail(stderr, err)
	}
	for _, w := range warnings {
		fmt.Fprintf(stderr, "WARNING: %s\n", w)
	}
	return serveUntilSignal(newServer(*path, p, stdout, stderr))
}

func serveUntilSignal(s *server) int {
	c := s.first
	stop, hup, usr1 := make(chan os.Signal, 1), make(chan os.Signal, 1), make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	signal.Notify(hup, syscall.SIGHUP)
	signal.Notify(usr1, syscall.SIGUSR1)
	srv, err := serve(s, c.FetchProxy.Listen, s)
	if err != nil {
		return fail(s.stderr, err)
	}
	if c.MetricsListen != "" {
		if _, err = serve(s, c.MetricsListen, http.HandlerFunc(s.numbers)); err != nil {
			return fail(s.stderr, err)
		}
	}
	if c.KillSwitch.APIListen != "" {
		if _, err = serve(s, c.KillSwitch.APIListen, http.HandlerFunc(s.killAPI)); err != nil {
			return fail(s.stderr, err)
		}
	}
	fmt.Fprintf(s.stderr, "Pipelock v%s starting\n  Mode:   %s\n  Listen: %s\n", version, c.Mode, c.FetchProxy.Listen)
	if s.isPublic(c.FetchProxy.Listen) && c.MetricsListen == "" {
		s.log.write("warn", "anomaly", field{"method", "STARTUP"}, field{"resource", c.FetchProxy.Listen},
			field{"reason", "listen address is not loopback — /metrics and /stats endpoints are exposed to the network"},
			field{"score", 0.5})
	}
	s.log.write("info", "startup", field{"listen", c.FetchProxy.Listen}, field{"mode", c.Mode},
		field{"version", version}, field{"config_hash", c.hash})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go s.watch(ctx, hup)
	for {
		select {
		case <-usr1:
			on := !s.signal.Load()
			s.signal.Store(on)
			fmt.Fprintf(s.stderr, "pipelock: kill switch %s via SIGUSR1\n", map[bool]string{true: "ACTIVATED", false: "DEACTIVATED"}[on])
		case <-stop:
			s.log.write("info", "shutdown", field{"reason", "signal received"})
			end, done := context.WithTimeout(context.Background(), 5*time.Second)
			srv.Shutdown(end)
			done()
			fmt.Fprint(s.stderr, "\nPipelock stopped.\n")
			return 0
		}
	}
}
