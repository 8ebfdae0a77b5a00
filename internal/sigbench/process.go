package sigbench

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is a server that runs.
type process struct {
	cmd     *exec.Cmd
	address string // host:port
}

const (
	startTime = 20 * time.Second
	endTime   = 10 * time.Second
)

// start runs a server and waits until it says where it listens.
func start(ctx context.Context, s Server) (*process, error) {
	cmd := exec.CommandContext(ctx, s.Command[0], s.Command[1:]...)
	// What the tests around it are told would be unknown settings to our server.
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "UNITYP2P_") })
	cmd.Stderr = os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = endTime
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("starting the server: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the server: %w", err)
	}
	p := &process{cmd: cmd}
	late := time.AfterFunc(startTime, func() { _ = cmd.Process.Kill() })
	defer late.Stop()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		p.stop()
		return nil, fmt.Errorf("the server did not say where it listens: %w", err)
	}
	_, after, ok := strings.Cut(line, "ws://")
	if !ok {
		p.stop()
		return nil, fmt.Errorf("the server said %q, which has no address", line)
	}
	p.address, _, _ = strings.Cut(after, "/")
	return p, nil
}

// stop ends the server.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	late := time.AfterFunc(endTime, func() { _ = p.cmd.Process.Kill() })
	defer late.Stop()
	_ = p.cmd.Wait() // it may have been killed
}

// resident returns the bytes of memory that the server occupies.
func (p *process) resident() (int64, error) {
	text, err := os.ReadFile(p.file("status"))
	if err != nil {
		return 0, fmt.Errorf("reading the server's memory: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")), 10, 64)
			if err != nil {
				return 0, fmt.Errorf("reading the server's memory: %w", err)
			}
			return kb << 10, nil
		}
	}
	return 0, fmt.Errorf("%s has no VmRSS", p.file("status"))
}

func (p *process) file(name string) string {
	return filepath.Join("/proc", strconv.Itoa(p.cmd.Process.Pid), name)
}

// cpu returns the processor time that the server has used. The kernel counts it
// by thread in nanoseconds; Go's threads rarely end.
func (p *process) cpu() (time.Duration, error) {
	tasks, err := filepath.Glob(p.file("task/*/schedstat"))
	if err != nil || len(tasks) == 0 {
		return 0, fmt.Errorf("the server's processor time is not to be had: %w", err)
	}
	var all time.Duration
	for _, task := range tasks {
		text, err := os.ReadFile(task)
		if err != nil {
			continue // it has just ended
		}
		used, _, _ := strings.Cut(string(text), " ")
		ns, err := strconv.ParseInt(used, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("reading %s: %w", task, err)
		}
		all += time.Duration(ns)
	}
	return all, nil
}
