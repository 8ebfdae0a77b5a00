package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"unityp2p/cmd/unityp2p/certs"
	"unityp2p/cmd/unityp2p/settings"
	"unityp2p/signaling"
	"unityp2p/signaling/jwt"
)

// serveSettings is all that `serve` can be told.
type serveSettings struct {
	file        string // the config file
	printConfig bool
	http, https endpoint

	onlyChallenges bool // http is for the authority, not for players

	cert, key  string // files
	acme       certs.Order
	log        logging
	watch      watching
	drain      time.Duration
	grace      time.Duration // in which a lost host may resume
	verbose    bool
	secret     string // of signed tokens
	secretFile string // … or where it is
	relaying   relaying
	signaling  signaling.Config
}

// newServeSettings returns the defaults.
func newServeSettings() *serveSettings {
	limits := signaling.DefaultLimits()
	limits.ConnectionsPerAddress = 0 // the default differs by the kind of address
	return &serveSettings{
		http:     endpoint{port: nowhere},
		https:    endpoint{port: nowhere},
		log:      logging{format: "text", level: "warn"},
		watch:    watching{metrics: endpoint{port: nowhere}, pprof: endpoint{port: nowhere}},
		acme:     certs.Order{Directory: certs.LetsEncrypt},
		drain:    5 * time.Second,
		grace:    signaling.DefaultResumeGrace,
		relaying: newRelaying(),
		signaling: signaling.Config{
			MaxPayload:   signaling.DefaultMaxPayload,
			PingInterval: signaling.DefaultPingInterval,
			Limits:       limits,
		},
	}
}

// table is the one place that knows the settings' names. A new setting is a row
// here, a field in serveSettings, and a line in docs/signaling.md, which
// "go test ./cmd/unityp2p -update" writes.
func (c *serveSettings) table() *settings.Table {
	return &settings.Table{
		Command: "serve",
		Prefix:  "UNITYP2P_",
		Rows: append([]settings.Row{
			{Name: "config", File: true, Value: settings.Path(&c.file), Default: "none",
				Usage: "The config file: the original server's config.json, or one with any of these settings."},
			{Name: "print-config", Value: settings.Bool(&c.printConfig), FlagOnly: true,
				Usage: "Print every setting and where it is from, secrets hidden, and end."},
			{Name: "addr", Value: c.http.value(), Parts: c.http.parts("httpConfig"),
				Default: ":" + strconv.Itoa(signaling.DefaultPort) + "; none with a config file or a certificate; with ACME :80, for the authority alone",
				Usage:   "Where to listen without TLS. Port 0 is one that is free, `none` is not at all. `PORT` in the environment sets the port.",
				// As with the original: it leaves plain http alone, since the
				// platform has TLS before it.
				Platform: &settings.Platform{Variables: []string{"PORT", "port"}, Value: c.http.portValue(),
					Replaces: []string{"httpConfig.port", "httpsConfig", "acme"}}},
			{Name: "https-addr", Value: c.https.value(), Parts: c.https.parts("httpsConfig"),
				Default: "none; :443 with a certificate",
				Usage:   "Where to listen with TLS."},
			{Name: "cert", Key: "httpsConfig.ssl_cert_file", Value: settings.Path(&c.cert), Default: "none",
				Usage: "The certificate (PEM, with the chain). In the config file, paths are relative to that file."},
			{Name: "key", Key: "httpsConfig.ssl_key_file", Value: settings.Path(&c.key), Default: "none",
				Usage: "The certificate's private key (PEM). Both files are read again when they change."},
			{Name: "acme-hosts", Key: "acme.hosts", Value: settings.List(&c.acme.Hosts, "names", settings.Any), Default: "none",
				Usage: "Get certificates for these names by ACME from Let's Encrypt, whose terms you accept by this. The names must lead here: to https-addr as port 443, or to addr as port 80."},
			{Name: "acme-email", Key: "acme.email", Value: settings.Text(&c.acme.Email), Default: "none",
				Usage: "Whom the authority may write to."},
			{Name: "acme-cache", Key: "acme.cache", Value: settings.Path(&c.acme.Cache), Default: "unityp2p/acme in the user's cache directory",
				Usage: "A directory for the keys and certificates, which outlives the process: authorities give few a week."},
			{Name: "acme-directory", Key: "acme.directory", Value: settings.Text(&c.acme.Directory),
				Usage: "Another authority: the URL of its ACME directory."},
			{Name: "acme-roots", Key: "acme.roots", Value: settings.Path(&c.acme.Roots), Default: "the system's",
				Usage: "Certificates (PEM) that vouch for that authority's own https, if the system does not know it."},
			{Name: "apps", Key: "apps", Value: appsValue(&c.signaling.Apps), Default: "/",
				Usage: "The paths that games connect to, each with rooms of its own. `/chat=sharing` lets many listen on one address. In the config file: `[{\"name\": \"Chat\", \"path\": \"/chat\", \"address_sharing\": true}]`."},
			{Name: "admin-token", Key: "adminToken", Value: settings.Text(&c.signaling.AdminToken), Secret: true, Default: "none",
				Usage: "If set, sockets need `?userToken=` with a token that was registered with this one. Better not as a flag: others on the machine see those."},
			{Name: "token-secret", Key: "tokenSecret", Value: settings.Text(&c.secret), Secret: true, Default: "none",
				Usage: "If set, sockets need a token that is signed with this secret, of at least 32 bytes: `unityp2p token` makes them. With an admin token as well, either kind will do. Better not as a flag: others on the machine see those."},
			{Name: "token-secret-file", Key: "tokenSecretFile", Value: settings.Path(&c.secretFile), Default: "none",
				Usage: "A file that holds the token secret."},
			{Name: "resume-grace", Key: "resumeGrace", Value: settings.Duration(&c.grace, 0, 10*time.Minute),
				Usage: "How long the name of a host that lost its connection is kept for it. 0 is not at all."},
			{Name: "max-payload", Key: "maxPayload", Value: settings.Number(&c.signaling.MaxPayload, 0, 1<<30),
				Usage: "The largest message, in bytes."},
			{Name: "drain", Key: "drain", Value: settings.Duration(&c.drain, 0, 10*time.Minute),
				Usage: "How long the end may take after SIGTERM. Sockets that have not gone by then are cut off."},
			{Name: "verbose", Short: "v", Key: "log_verbose", Value: settings.Bool(&c.verbose),
				Usage: "The same as log-level debug, unless that is set."},
			{Name: "log-level", Key: "log.level", Value: settings.Choice(&c.log.level, "debug", "info", "warn", "error"),
				Usage: "What to log, to standard error: info is every refusal, warn what somebody should look at. No secret is logged at any level."},
			{Name: "log-format", Key: "log.format", Value: settings.Choice(&c.log.format, "text", "json"),
				Usage: "How to log: lines for people, or JSON."},
			{Name: "metrics-addr", Key: "metrics.addr", Value: c.watch.metrics.value(), Default: "none",
				Usage: "Where Prometheus finds `/metrics`, without a token: an address that strangers do not reach. `/healthz` and `/readyz` are there as well."},
			{Name: "metrics-token", Key: "metrics.token", Value: settings.Text(&c.watch.token), Secret: true, Default: "the admin token; with neither, nobody gets them there",
				Usage: "Whoever has this token (`Authorization: Bearer`) gets `/metrics` at the games' own address."},
			{Name: "pprof-addr", Key: "pprof.addr", Value: c.watch.pprof.value(), Default: "none",
				Usage: "Where to show Go's profiles: an address of this machine alone, such as 127.0.0.1:6060."},
		}, append(c.relaying.rows(), strangerRows(&c.signaling)...)...),
	}
}

// load reads the settings and completes those that follow from others.
func (c *serveSettings) load(t *settings.Table, in input) error {
	if err := t.Load(in.args, in.environ, in.help); err != nil {
		return err
	}
	files, acme := c.cert != "" || c.key != "", len(c.acme.Hosts) > 0
	if (files || acme) && t.Source("https-addr") == settings.Default {
		c.https.port = 443
	}
	if t.Source("addr") == settings.Default {
		switch {
		case acme:
			c.http.port, c.onlyChallenges = 80, true
		case c.file == "" && !c.https.on():
			c.http.port = signaling.DefaultPort
		}
	}
	if acme && c.acme.Cache == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			return fmt.Errorf("acme-cache must be set: %w", err)
		}
		c.acme.Cache = filepath.Join(dir, "unityp2p", "acme")
	}
	if c.verbose && t.Source("log-level") == settings.Default {
		c.log.level = "debug"
	}
	if err := c.check(); err != nil {
		return err
	}
	if err := c.relaying.check(t); err != nil {
		return err
	}
	if c.signaling.ResumeGrace = c.grace; c.grace == 0 {
		c.signaling.ResumeGrace = -1
	}
	return c.useTokens()
}

// useTokens lets people in by signed tokens, if there is a secret.
func (c *serveSettings) useTokens() error {
	secret := trimSecret(c.secret)
	if c.secretFile != "" {
		if c.secret != "" {
			return errors.New("token-secret and token-secret-file are both set; one of them is enough")
		}
		var err error
		if secret, err = tokenSecret(c.secretFile, nil); err != nil {
			return err
		}
	}
	if len(secret) == 0 && c.secretFile == "" {
		return nil
	}
	access, err := jwt.New(secret)
	if err != nil {
		return err
	}
	c.signaling.Access = access
	return nil
}

// check refuses what makes no sense together.
func (c *serveSettings) check() error {
	for name, e := range map[string]endpoint{"httpConfig": c.http, "httpsConfig": c.https} {
		if e.host != "" && !e.on() {
			return fmt.Errorf("%s has a host and no port", name)
		}
	}
	files, acme := c.cert != "" && c.key != "", len(c.acme.Hosts) > 0
	switch {
	case files && acme:
		return errors.New("cert and key exclude acme-hosts: the certificate is from files or by ACME")
	case (c.cert != "") != (c.key != ""):
		return errors.New("cert and key go together (ssl_cert_file and ssl_key_file in config.json)")
	case c.https.on() && !files && !acme:
		return errors.New("https-addr (httpsConfig in config.json) needs a certificate: cert and key (ssl_cert_file and ssl_key_file), or acme-hosts")
	case !c.https.on() && (files || acme):
		return errors.New("there is a certificate, and https-addr is none")
	case !c.http.on() && !c.https.on():
		return errors.New("nothing to listen on: the config file has neither httpConfig nor httpsConfig, and addr is not set")
	case c.watch.pprof.on() && !c.watch.pprof.loopback():
		return errors.New("pprof-addr must be an address of this machine alone, such as 127.0.0.1:6060: profiles show what is in memory")
	}
	return nil
}

// nowhere is the port of an endpoint that is not there.
const nowhere = -1

// endpoint is where to listen.
type endpoint struct {
	host string // "" or "0.0.0.0": all addresses
	port int    // 0: any; or nowhere
}

func (e endpoint) on() bool { return e.port != nowhere }

func (e endpoint) address() string { return net.JoinHostPort(e.host, strconv.Itoa(e.port)) }

// loopback tells whether nobody else reaches it.
func (e endpoint) loopback() bool {
	a, err := netip.ParseAddr(e.host)
	return e.host == "localhost" || err == nil && a.IsLoopback()
}

func (e endpoint) text() string {
	if !e.on() {
		return "none"
	}
	return e.address()
}

func (e *endpoint) value() settings.Value {
	return settings.Of(e, "host:port", parseEndpoint, endpoint.text)
}

func (e *endpoint) portValue() settings.Value { return settings.Number(&e.port, 0, 65535) }

// parts are an endpoint's keys in the original's config file.
func (e *endpoint) parts(section string) []settings.Part {
	return []settings.Part{{Key: section + ".host", Value: settings.Text(&e.host)}, {Key: section + ".port", Value: e.portValue()}}
}

func parseEndpoint(text string) (endpoint, error) {
	if text == "none" {
		return endpoint{port: nowhere}, nil
	}
	host, port, err := net.SplitHostPort(text)
	if err == nil {
		if n, err := strconv.ParseUint(port, 10, 16); err == nil {
			return endpoint{host, int(n)}, nil
		}
	}
	return endpoint{}, errors.New("an address is wanted: HOST:PORT, :PORT for all of the machine's, or none")
}

// sharing marks an app with address sharing in a flag or a variable.
const sharing = "=sharing"

func appsValue(apps *[]signaling.App) settings.Value {
	return settings.WithJSON(apps, "paths", parseApps, func(apps []signaling.App) string {
		texts := make([]string, len(apps))
		for i, a := range apps {
			if texts[i] = a.Path; a.AddressSharing {
				texts[i] += sharing
			}
		}
		return strings.Join(texts, ",")
	}, decodeApps)
}

func parseApps(text string) (apps []signaling.App, err error) {
	for path := range strings.SplitSeq(text, ",") {
		path, shared := strings.CutSuffix(strings.TrimSpace(path), sharing)
		apps = append(apps, signaling.App{Name: path, Path: path, AddressSharing: shared})
	}
	return apps, checkApps(apps)
}

func decodeApps(raw json.RawMessage) (apps []signaling.App, err error) {
	var objects []json.RawMessage
	if json.Unmarshal(raw, &objects) != nil {
		return nil, errors.New(`an array of objects is wanted: [{"name": …, "path": …}]`)
	}
	for _, object := range objects {
		var a signaling.App
		err := settings.Object(object,
			settings.Part{Key: "name", Value: settings.Text(&a.Name)},
			settings.Part{Key: "path", Value: settings.Text(&a.Path)},
			settings.Part{Key: "address_sharing", Value: settings.Bool(&a.AddressSharing)})
		if err != nil {
			return nil, err
		}
		apps = append(apps, a)
	}
	return apps, checkApps(apps)
}

func checkApps(apps []signaling.App) error {
	for i, a := range apps {
		if !strings.HasPrefix(a.Path, "/") {
			return fmt.Errorf("the path %q of an app must begin with /", a.Path)
		}
		if slices.ContainsFunc(apps[:i], func(b signaling.App) bool { return a.Path == b.Path }) {
			return fmt.Errorf("two apps have the path %q", a.Path)
		}
	}
	return nil
}
