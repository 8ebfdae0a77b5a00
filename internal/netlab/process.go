//go:build linux

package netlab

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// patience is how long anything may take that a test waits for. Only a failure
// takes so long.
const patience = 60 * time.Second

// Process is a program that runs on a host, with a pipe at each end. It dies with
// the lab, and with the test's process, however that ends.
type Process struct {
	host  *Host
	cmd   *exec.Cmd
	stdin io.WriteCloser
	ended chan struct{}
	err   error // once ended

	mu      sync.Mutex
	lines   []string
	read    int           // lines that Expect has passed
	changed chan struct{} // closed and made anew with each line
}

// Start runs a command on the host. Both of its outputs are read line by line.
func (h *Host) Start(cmd *exec.Cmd) *Process {
	h.lab.t.Helper()
	p := &Process{host: h, cmd: cmd, ended: make(chan struct{}), changed: make(chan struct{})}
	if err := p.start(); err != nil {
		h.lab.t.Fatalf("%s: starting %s: %v", h.name, cmd, err)
	}
	h.lab.mu.Lock()
	h.lab.processes = append(h.lab.processes, p)
	h.lab.mu.Unlock()
	return p
}

func (p *Process) start() error {
	var err error
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return err
	}
	reader, writer, err := os.Pipe()
	if err != nil {
		return err
	}
	defer writer.Close()
	p.cmd.Stdout, p.cmd.Stderr = writer, writer
	// The thread that starts it is the namespace's, which lives as long as the lab.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.host.Do(p.cmd.Start); err != nil {
		_ = reader.Close()
		return err
	}
	go p.scan(reader)
	return nil
}

// scan reads what the program says until it ends.
func (p *Process) scan(reader *os.File) {
	defer reader.Close()
	scanner := bufio.NewScanner(reader)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		p.mu.Lock()
		p.lines = append(p.lines, scanner.Text())
		close(p.changed)
		p.changed = make(chan struct{})
		p.mu.Unlock()
	}
	p.err = p.cmd.Wait()
	close(p.ended)
}

// Say writes a line to the program.
func (p *Process) Say(line string) {
	p.host.lab.t.Helper()
	if _, err := io.WriteString(p.stdin, line+"\n"); err != nil {
		p.host.lab.t.Fatalf("%s: %v", p.host.name, err)
	}
}

// Expect waits for the next line that contains text, and returns it. Lines before
// it are passed over.
func (p *Process) Expect(text string) string {
	p.host.lab.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	line, err := p.Await(ctx, text)
	if err != nil {
		p.host.lab.t.Fatal(err)
	}
	return line
}

// Await is Expect with a context, and an error where the line does not come. It
// may be called by any goroutine, but one at a time.
func (p *Process) Await(ctx context.Context, text string) (string, error) {
	ended := p.ended
	for {
		line, found, changed := p.next(text)
		if found {
			return line, nil
		}
		select {
		case <-changed:
		case <-ended:
			ended = nil // look once more: it may have come last
			if line, found, _ := p.next(text); found {
				return line, nil
			}
			return "", fmt.Errorf("%s: %s ended (%v) without %q", p.host.name, p.cmd, p.err, text)
		case <-ctx.Done():
			return "", fmt.Errorf("%s: no %q: %w", p.host.name, text, ctx.Err())
		}
	}
}

func (p *Process) next(text string) (line string, found bool, changed chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.read < len(p.lines) {
		line := p.lines[p.read]
		p.read++
		if strings.Contains(line, text) {
			return line, true, nil
		}
	}
	return "", false, p.changed
}

// Lines returns all that the program has said so far.
func (p *Process) Lines() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.lines...)
}

// Signal sends the program a signal.
func (p *Process) Signal(s os.Signal) { _ = p.cmd.Process.Signal(s) }

// Kill ends the program at once and waits until it has.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}

// Ended is closed when the program has ended.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// log writes down the end of what the program said.
func (p *Process) log() {
	const most = 60
	lines := p.Lines()
	if len(lines) > most {
		lines = lines[len(lines)-most:]
	}
	p.host.lab.t.Logf("%s: %s said:\n%s", p.host.name, p.cmd, strings.Join(lines, "\n"))
}
