//go:build linux

package deploy

import (
	"bufio"
	"bytes"
	"context"
	"debug/elf"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

const (
	root     = "../.."
	patience = 60 * time.Second

	// sizeLimit is what the server may have, stripped, and thus its image.
	sizeLimit = 20_000_000
)

var built struct {
	once sync.Once
	path string
	err  error
	out  []byte
}

// server is the program as "./build.sh server" makes it.
func server(t *testing.T) string {
	t.Helper()
	built.once.Do(func() {
		cmd := exec.Command("./build.sh", "server")
		cmd.Dir = root
		built.out, built.err = cmd.CombinedOutput()
		built.path, _ = filepath.Abs(filepath.Join(root, "build", "unityp2p"))
	})
	if built.err != nil {
		t.Fatalf("building the server: %v\n%s", built.err, built.out)
	}
	return built.path
}

// It is one file, which needs no other.
func TestTheServerIsStaticAndSmall(t *testing.T) {
	path := server(t)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if t.Logf("%d bytes", info.Size()); info.Size() >= sizeLimit {
		t.Errorf("the server has %d bytes, %d are too many", info.Size(), sizeLimit)
	}
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Errorf("it is linked dynamically: %v", p.Type)
		}
	}
	if f.Section(".symtab") != nil || f.Section(".debug_info") != nil {
		t.Error("it is not stripped")
	}
}

func TestTheServerKnowsItsVersion(t *testing.T) {
	out, err := exec.Command(server(t), "version").Output()
	if err != nil {
		t.Fatal(err)
	}
	want := regexp.MustCompile(`^\d+\.\d+\.\d+\n$`)
	if commit, err := exec.Command("git", "-C", root, "rev-parse", "--short=12", "HEAD").Output(); err == nil {
		want = regexp.MustCompile(`^\d+\.\d+\.\d+ \(` + strings.TrimSpace(string(commit)) + `(-dirty)?\)\n$`)
	}
	if !want.Match(out) {
		t.Errorf("its version is %q, which is not like %s", out, want)
	}
}

// setting is what a setting is by default, by -print-config.
func setting(t *testing.T, name string) string {
	t.Helper()
	cmd := exec.Command(server(t), "serve", "-print-config")
	cmd.Env = []string{}
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		if f := strings.Fields(line); f[0] == name {
			return f[1]
		}
	}
	t.Fatalf("there is no setting %q", name)
	return ""
}

// defaultPort is where the server listens if nobody says anything.
func defaultPort(t *testing.T) int {
	t.Helper()
	port, err := strconv.Atoi(strings.TrimPrefix(setting(t, "addr"), ":"))
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// drain is how long the server's end may take.
func drain(t *testing.T) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(setting(t, "drain"))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// enough checks that a platform waits for longer than the server drains.
func enough(t *testing.T, what string, wait time.Duration) {
	t.Helper()
	if wait <= drain(t)+time.Second {
		t.Errorf("%s kills after %v, and the server drains for %v", what, wait, drain(t))
	}
}

// process is a server that runs.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	url    string // as it says
	errors *bytes.Buffer
	rest   chan struct{} // closed when it says no more
}

// start starts a server and waits until it listens.
func start(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{t: t, cmd: cmd, errors: new(bytes.Buffer), rest: make(chan struct{})}
	cmd.Stderr = p.errors
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	listening := make(chan string, 1)
	go func() {
		defer close(p.rest)
		defer close(listening)
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if _, after, found := strings.Cut(lines.Text(), "listening on "); found {
				listening <- strings.Fields(after)[0]
				break
			}
		}
		_, _ = io.Copy(io.Discard, out)
	}()
	select {
	case url, ok := <-listening:
		if !ok {
			t.Fatalf("%v ended: %v\n%s", cmd.Args, cmd.Wait(), p.errors)
		}
		p.url = url
	case <-time.After(patience):
		t.Fatalf("%v does not listen", cmd.Args)
	}
	return p
}

// serves checks that it answers at a port of this machine, as players and as a
// platform's health check ask.
func (p *process) serves(port int, healthPath string) *websocket.Conn {
	p.t.Helper()
	host := "127.0.0.1:" + strconv.Itoa(port)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+host+healthPath, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		p.t.Errorf("GET %s: %s", healthPath, answer.Status)
	}
	conn, _, err := websocket.DefaultDialer.DialContext(ctx, "ws://"+host+"/", nil)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = conn.Close() })
	if err := conn.WriteMessage(websocket.BinaryMessage, []byte{0xca}); err != nil {
		p.t.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	if _, heart, err := conn.ReadMessage(); err != nil || !bytes.Equal(heart, []byte{0xca}) {
		p.t.Errorf("a heartbeat was answered by %x, %v", heart, err)
	}
	return conn
}

// ends sends SIGTERM, as every platform does. Players, if there are any, are told
// to come back, and the process ends by itself, content and in time.
func (p *process) ends(players ...*websocket.Conn) {
	p.t.Helper()
	began := time.Now()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	for _, conn := range players {
		if _, _, err := conn.ReadMessage(); !websocket.IsCloseError(err, websocket.CloseServiceRestart) {
			p.t.Errorf("a player was told %v", err)
		}
	}
	select {
	case <-p.rest:
	case <-time.After(drain(p.t) + patience):
		p.t.Fatal("it does not end")
	}
	if err := p.cmd.Wait(); err != nil {
		p.t.Errorf("it ended with %v\n%s", err, p.errors)
	}
	// The machine may be slow, but no platform waits for longer than Heroku.
	if took := time.Since(began); took > herokuWait {
		p.t.Errorf("the end took %v", took)
	}
}
