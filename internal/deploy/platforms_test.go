//go:build linux

package deploy

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/BurntSushi/toml"
	"go.yaml.in/yaml/v3"
)

func read(t *testing.T, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, "deploy", file))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// parseYAML refuses keys that the form does not have.
func parseYAML(t *testing.T, file string, into any) {
	t.Helper()
	d := yaml.NewDecoder(bytes.NewReader(read(t, file)))
	d.KnownFields(true)
	if err := d.Decode(into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

// freePort is one that nobody has right now, and that nobody gets who asks for any:
// those are above.
func freePort(t *testing.T) int {
	t.Helper()
	for range 100 {
		port := 20000 + rand.IntN(10000)
		l, err := net.Listen("tcp", fmt.Sprintf(":%d", port))
		if err == nil {
			_ = l.Close()
			return port
		}
	}
	t.Fatal("no port is free")
	return 0
}

// herokuWait is between Heroku's SIGTERM and its SIGKILL, and cannot be set.
const herokuWait = 30 * time.Second

func TestHerokuContainer(t *testing.T) {
	var f struct {
		Build struct {
			Docker map[string]string `yaml:"docker"`
		} `yaml:"build"`
	}
	parseYAML(t, "heroku.yml", &f)
	if len(f.Build.Docker) != 1 || f.Build.Docker["web"] != "Dockerfile" {
		t.Errorf("it builds %v", f.Build.Docker)
	}
	// A "run" here, or a CMD without ENTRYPOINT, would need a shell.
	image(t).list(t, "ENTRYPOINT")
	enough(t, "Heroku", herokuWait)
}

// The buildpack leaves the program at bin/unityp2p and runs the Procfile's line
// by a shell, in the application's directory, with PORT.
func TestHerokuProcfile(t *testing.T) {
	m := regexp.MustCompile(`^web: (bin/unityp2p serve)\n$`).FindSubmatch(read(t, "Procfile"))
	if m == nil {
		t.Fatalf("the Procfile is %q", read(t, "Procfile"))
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(server(t), filepath.Join(dir, "bin", "unityp2p")); err != nil {
		t.Fatal(err)
	}
	port := freePort(t)
	cmd := exec.Command("sh", "-c", "exec "+string(m[1]))
	cmd.Dir = dir
	cmd.Env = []string{"PORT=" + strconv.Itoa(port), "PATH=/usr/bin:/bin", "DYNO=web.1"}
	p := start(t, cmd)
	p.ends(p.serves(port, "/"))
}

func TestFly(t *testing.T) {
	var f struct {
		KillSignal  string `toml:"kill_signal"`
		KillTimeout string `toml:"kill_timeout"`
		HTTP        struct {
			Port        int    `toml:"internal_port"`
			ForceHTTPS  bool   `toml:"force_https"`
			AutoStop    string `toml:"auto_stop_machines"`
			AutoStart   bool   `toml:"auto_start_machines"`
			Running     int    `toml:"min_machines_running"`
			Concurrency struct {
				Type string `toml:"type"`
				Soft int    `toml:"soft_limit"`
				Hard int    `toml:"hard_limit"`
			} `toml:"concurrency"`
			Checks []struct {
				Method   string `toml:"method"`
				Path     string `toml:"path"`
				Interval string `toml:"interval"`
				Timeout  string `toml:"timeout"`
				Grace    string `toml:"grace_period"`
			} `toml:"checks"`
		} `toml:"http_service"`
		VM []struct {
			Size   string `toml:"size"`
			Memory string `toml:"memory"`
		} `toml:"vm"`
	}
	meta, err := toml.Decode(string(read(t, "fly.toml")), &f)
	if err != nil {
		t.Fatal(err)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		t.Errorf("unknown keys %v", unknown)
	}
	wait, err := time.ParseDuration(f.KillTimeout)
	if err != nil || f.KillSignal != "SIGTERM" {
		t.Errorf("it is stopped by %s, and killed after %q", f.KillSignal, f.KillTimeout)
	}
	enough(t, "Fly.io", wait)
	h := f.HTTP
	if h.Port != defaultPort(t) {
		t.Errorf("the port is %d, and the server's %d", h.Port, defaultPort(t))
	}
	// A machine that sleeps, or a second one, has none of the rooms.
	if h.AutoStop != "off" || h.Running != 1 || h.Concurrency.Type != "connections" || h.Concurrency.Soft >= h.Concurrency.Hard {
		t.Errorf("it runs as %+v", h)
	}
	if len(h.Checks) != 1 {
		t.Fatalf("%d checks", len(h.Checks))
	}
	healthy(t, h.Checks[0].Path)
}

func TestRender(t *testing.T) {
	var f struct {
		Services []struct {
			Type       string `yaml:"type"`
			Name       string `yaml:"name"`
			Runtime    string `yaml:"runtime"`
			Plan       string `yaml:"plan"`
			Dockerfile string `yaml:"dockerfilePath"`
			Instances  int    `yaml:"numInstances"`
			Health     string `yaml:"healthCheckPath"`
			Wait       int    `yaml:"maxShutdownDelaySeconds"`
			AutoDeploy *bool  `yaml:"autoDeploy"`
		} `yaml:"services"`
	}
	parseYAML(t, "render.yaml", &f)
	if len(f.Services) != 1 {
		t.Fatalf("%d services", len(f.Services))
	}
	s := f.Services[0]
	if s.Type != "web" || s.Runtime != "docker" || s.Dockerfile != "./Dockerfile" || s.Instances != 1 || s.Plan == "free" {
		t.Errorf("the service is %+v", s)
	}
	enough(t, "Render", time.Duration(s.Wait)*time.Second)
	healthy(t, s.Health)
}

// healthy checks that the server answers a platform's question.
func healthy(t *testing.T, path string) {
	t.Helper()
	port := freePort(t)
	cmd := exec.Command(server(t), "serve")
	cmd.Env = []string{"PORT=" + strconv.Itoa(port)}
	p := start(t, cmd)
	p.ends(p.serves(port, path))
}

// compose is of compose.yaml what we use.
type compose struct {
	Services map[string]struct {
		Build    string         `yaml:"build"`
		Image    string         `yaml:"image"`
		Command  []string       `yaml:"command"`
		Ports    []string       `yaml:"ports"`
		Volumes  []string       `yaml:"volumes"`
		Sysctls  map[string]int `yaml:"sysctls"`
		ReadOnly bool           `yaml:"read_only"`
		CapDrop  []string       `yaml:"cap_drop"`
		Security []string       `yaml:"security_opt"`
		Restart  string         `yaml:"restart"`
		Signal   string         `yaml:"stop_signal"`
		Grace    string         `yaml:"stop_grace_period"`

		Environment map[string]string `yaml:"environment"`
	} `yaml:"services"`
	Volumes map[string]any `yaml:"volumes"`
}

func TestCompose(t *testing.T) {
	var f compose
	parseYAML(t, "compose.yaml", &f)
	s, ok := f.Services["signaling"]
	if !ok || len(f.Services) != 1 {
		t.Fatalf("services %v", f.Services)
	}
	wait, err := time.ParseDuration(s.Grace)
	if err != nil || s.Signal != image(t).one(t, "STOPSIGNAL") {
		t.Errorf("it is stopped by %s, and killed after %q", s.Signal, s.Grace)
	}
	enough(t, "docker compose", wait)
	if _, err := os.Stat(filepath.Join(root, "deploy", s.Build, "Dockerfile")); err != nil {
		t.Error(err)
	}
	if !s.ReadOnly || strings.Join(s.CapDrop, ",") != "ALL" || strings.Join(s.Security, ",") != "no-new-privileges:true" {
		t.Errorf("it may do more than it needs: %+v", s)
	}
	volume, at, _ := strings.Cut(s.Volumes[0], ":")
	if _, ok := f.Volumes[volume]; !ok || !strings.Contains(strings.Join(image(t).all("ENV"), "\n"), "UNITYP2P_ACME_CACHE="+at) {
		t.Errorf("the volume %s at %s is not where the image keeps certificates", volume, at)
	}
	if strings.Join(s.Ports, " ") != "80:80 443:443" {
		t.Errorf("ports %q", s.Ports)
	}
	runsByACME(t, s.Command, s.Sysctls)
}

// What is added for TURN are settings that there are, and the ports that they say.
func TestComposeWithTURN(t *testing.T) {
	var f compose
	parseYAML(t, "compose.turn.yaml", &f)
	s := f.Services["signaling"]
	relays := s.Environment["UNITYP2P_TURN_PORTS"]
	if want := "3478:3478/udp 3478:3478/tcp " + relays + ":" + relays + "/udp"; strings.Join(s.Ports, " ") != want {
		t.Errorf("ports %q, not %q", s.Ports, want)
	}
	cmd := exec.Command(server(t), "serve", "-print-config")
	for name, value := range s.Environment {
		if strings.HasPrefix(value, "${ADDRESS:?") {
			value = "203.0.113.5"
		}
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for setting, value := range map[string]string{"turn": "true", "turn-addr": ":3478", "turn-relays": "203.0.113.5", "turn-ports": relays} {
		if !regexp.MustCompile(`(?m)^` + setting + `\b[ =]+` + regexp.QuoteMeta(value) + `\b`).Match(out) {
			t.Errorf("%s is not %s:\n%s", setting, value, out)
		}
	}
}
