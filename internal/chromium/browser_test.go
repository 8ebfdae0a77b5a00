package chromium

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

const patience = 60 * time.Second

//go:embed page.html
var html []byte

// browser is a headless Chromium, driven by the DevTools protocol over one
// WebSocket.
type browser struct {
	cmd     *exec.Cmd
	profile string
	page    *httptest.Server
	socket  *websocket.Conn
	read    chan struct{} // closed when the reader has ended

	mu      sync.Mutex // also one writer at a time
	last    int
	answers map[int]chan answer
}

type answer struct {
	Result json.RawMessage
	Error  *struct{ Message string }
}

// shared is the browser of all tests; each peer is a page of its own.
var shared = sync.OnceValues(start)

// errNone says that there is no browser on this machine.
var errNone = errors.New("no Chromium on this machine (Debian: apt-get install chromium; or set CHROMIUM to its path)")

func TestMain(m *testing.M) {
	code := m.Run()
	if b, err := shared(); err == nil {
		b.stop()
	}
	os.Exit(code)
}

// get returns the browser. Where there is none the test is skipped, but not
// where everything has to run.
func get(t *testing.T) *browser {
	t.Helper()
	b, err := shared()
	if errors.Is(err, errNone) && os.Getenv("UNITYP2P_ALL_TESTS") == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func find() (string, error) {
	for _, name := range []string{os.Getenv("CHROMIUM"), "chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); name != "" && err == nil {
			return path, nil
		}
	}
	return "", errNone
}

func start() (*browser, error) {
	path, err := find()
	if err != nil {
		return nil, err
	}
	b := &browser{answers: make(map[int]chan answer), read: make(chan struct{})}
	if b.profile, err = os.MkdirTemp("", "unityp2p-chromium"); err != nil {
		return nil, err
	}
	b.page = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(html)
	}))
	b.cmd = exec.Command(path, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
		"--user-data-dir="+b.profile, "--remote-debugging-port=0",
		// Loopback addresses are shown to pages that may use the microphone.
		"--allow-loopback-in-peer-connection", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
		"--disable-features=WebRtcHideLocalIpsWithMdns", "about:blank")
	b.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := b.cmd.Start(); err != nil {
		return nil, err
	}
	if err := b.connect(); err != nil {
		b.kill()
		return nil, err
	}
	go b.listen()
	return b, nil
}

// connect waits for the file in which the browser says where it listens.
func (b *browser) connect() error {
	file := filepath.Join(b.profile, "DevToolsActivePort")
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		text, err := os.ReadFile(file)
		port, path, ok := strings.Cut(strings.TrimSpace(string(text)), "\n")
		if err != nil || !ok {
			continue
		}
		b.socket, _, err = websocket.DefaultDialer.Dial("ws://127.0.0.1:"+port+path, nil)
		return err
	}
	return errors.New("the browser did not start in time")
}

func (b *browser) kill() {
	_ = syscall.Kill(-b.cmd.Process.Pid, syscall.SIGKILL)
	_ = b.cmd.Wait()
	b.page.Close()
	_ = os.RemoveAll(b.profile)
}

func (b *browser) stop() {
	_ = b.socket.Close()
	<-b.read
	b.kill()
}

func (b *browser) listen() {
	defer close(b.read)
	for {
		var m struct {
			ID int
			answer
		}
		if err := b.socket.ReadJSON(&m); err != nil {
			return
		}
		b.mu.Lock()
		waiting := b.answers[m.ID]
		delete(b.answers, m.ID)
		b.mu.Unlock()
		if waiting != nil { // else it is an event
			waiting <- m.answer
		}
	}
}

// call sends one command and reads its result into result.
func (b *browser) call(session, method string, params map[string]any, result any) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	got := make(chan answer, 1)
	b.mu.Lock()
	b.last++
	b.answers[b.last] = got
	message := map[string]any{"id": b.last, "method": method, "params": params}
	if session != "" {
		message["sessionId"] = session
	}
	err := b.socket.WriteJSON(message)
	b.mu.Unlock()
	if err != nil {
		return err
	}
	select {
	case a := <-got:
		if a.Error != nil {
			return fmt.Errorf("%s: %s", method, a.Error.Message)
		}
		return json.Unmarshal(a.Result, result)
	case <-ctx.Done():
		return fmt.Errorf("%s: no answer", method)
	}
}
