package signaling

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
)

// FileConfig is the original server's config.json.
type FileConfig struct {
	Config
	Verbose bool
	HTTP    *Endpoint // nil: none
	HTTPS   *Endpoint
}

// Endpoint is where to listen.
type Endpoint struct {
	Host              string // "" or "0.0.0.0": all addresses
	Port              int
	KeyFile, CertFile string // https only
}

// Address returns host and port for net.Listen.
func (e *Endpoint) Address() string { return net.JoinHostPort(e.Host, strconv.Itoa(e.Port)) }

// maxConfig bounds a config file.
const maxConfig = 1 << 20

// EnvironmentPort returns the port that a hosting platform gives in PORT (or
// port), if it does.
func EnvironmentPort(lookup func(string) (string, bool)) (string, bool) {
	for _, name := range []string{"PORT", "port"} {
		if port, ok := lookup(name); ok && port != "" {
			return port, true
		}
	}
	return "", false
}

// LoadConfig reads a config.json. Key and certificate files are relative to it.
// lookup is os.LookupEnv, or something like it: a PORT there overrides the
// ports and leaves only http, as platforms such as Heroku expect.
func LoadConfig(path string, lookup func(string) (string, bool)) (FileConfig, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return FileConfig{}, fmt.Errorf("reading the config: %w", err)
	}
	c, err := ParseConfig(data, lookup)
	if err != nil {
		return FileConfig{}, fmt.Errorf("%s: %w", path, err)
	}
	if c.HTTPS != nil {
		for _, file := range []*string{&c.HTTPS.KeyFile, &c.HTTPS.CertFile} {
			if !filepath.IsAbs(*file) {
				*file = filepath.Join(filepath.Dir(path), *file)
			}
		}
	}
	return c, nil
}

// fileFormat is config.json as it is.
type fileFormat struct {
	LogVerbose bool          `json:"log_verbose"`
	AdminToken *string       `json:"adminToken"`
	HTTP       *fileEndpoint `json:"httpConfig"`
	HTTPS      *fileEndpoint `json:"httpsConfig"`
	MaxPayload int64         `json:"maxPayload"`
	Apps       []struct {
		Name           string `json:"name"`
		Path           string `json:"path"`
		AddressSharing bool   `json:"address_sharing"`
	} `json:"apps"`
}

type fileEndpoint struct {
	Port    int    `json:"port"`
	Host    string `json:"host"`
	KeyFile string `json:"ssl_key_file"`
	Cert    string `json:"ssl_cert_file"`
}

// ParseConfig reads config.json's text, which may begin with a byte order mark.
func ParseConfig(data []byte, lookup func(string) (string, bool)) (FileConfig, error) {
	if len(data) > maxConfig {
		return FileConfig{}, fmt.Errorf("the config is larger than %d bytes", maxConfig)
	}
	var f fileFormat
	if err := json.Unmarshal(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), &f); err != nil {
		return FileConfig{}, fmt.Errorf("the config is no valid JSON: %w", err)
	}
	if f.MaxPayload < 0 {
		return FileConfig{}, errors.New("maxPayload must not be negative")
	}
	c := FileConfig{Verbose: f.LogVerbose}
	c.MaxPayload = f.MaxPayload
	if f.AdminToken != nil {
		c.AdminToken = *f.AdminToken
	}
	for _, a := range f.Apps {
		c.Apps = append(c.Apps, App{Name: a.Name, Path: a.Path, AddressSharing: a.AddressSharing})
	}
	if text, ok := EnvironmentPort(lookup); ok {
		if err := f.usePort(text); err != nil {
			return FileConfig{}, err
		}
	}
	var err error
	if c.HTTP, err = f.HTTP.endpoint("httpConfig", false); err != nil {
		return FileConfig{}, err
	}
	if c.HTTPS, err = f.HTTPS.endpoint("httpsConfig", true); err != nil {
		return FileConfig{}, err
	}
	return c, nil
}

func (e *fileEndpoint) endpoint(name string, tls bool) (*Endpoint, error) {
	if e == nil {
		return nil, nil //nolint:nilnil // there is none, which is fine
	}
	if e.Port < 0 || e.Port > 65535 {
		return nil, fmt.Errorf("%s.port is %d; 0 to 65535 are ports", name, e.Port)
	}
	if tls && (e.KeyFile == "" || e.Cert == "") {
		return nil, fmt.Errorf("%s needs ssl_key_file and ssl_cert_file", name)
	}
	return &Endpoint{Host: e.Host, Port: e.Port, KeyFile: e.KeyFile, CertFile: e.Cert}, nil
}

// usePort leaves http only, at the port of the environment. What the file says
// of the rest does not count then, right or wrong.
func (f *fileFormat) usePort(text string) error {
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return fmt.Errorf("PORT is %q in the environment, which is no port", text)
	}
	host := ""
	if f.HTTP != nil {
		host = f.HTTP.Host
	}
	f.HTTP, f.HTTPS = &fileEndpoint{Host: host, Port: int(port)}, nil
	return nil
}
