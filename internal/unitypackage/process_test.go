//go:build linux

package unitypackage

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// child is a program that runs beside the test, and what it printed so far.
type child struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	exited chan error

	mu     sync.Mutex
	lines  []string
	used   map[int]bool
	change chan struct{} // closed and renewed with every line
}

func start(t *testing.T, env []string, name string, args ...string) *child {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), env...)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	c := &child{cmd: cmd, in: in, exited: make(chan error, 1), used: map[int]bool{}, change: make(chan struct{})}
	read := make(chan struct{})
	go func() {
		defer close(read)
		for s := bufio.NewScanner(out); s.Scan(); {
			c.note(s.Text())
		}
	}()
	go func() {
		<-read
		c.exited <- cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-read
	})
	return c
}

func (c *child) note(line string) {
	c.mu.Lock()
	c.lines = append(c.lines, line)
	close(c.change)
	c.change = make(chan struct{})
	c.mu.Unlock()
}

// await waits for a line that matches and that no await before has had.
func (c *child) await(t *testing.T, pattern string) string {
	t.Helper()
	match := regexp.MustCompile(pattern)
	deadline := time.After(time.Minute)
	for {
		c.mu.Lock()
		for i, line := range c.lines {
			if !c.used[i] && match.MatchString(line) {
				c.used[i] = true
				c.mu.Unlock()
				return line
			}
		}
		change := c.change
		c.mu.Unlock()
		select {
		case <-change:
		case <-deadline:
			t.Fatalf("%v never printed %q but:\n%s", c.cmd.Args, pattern, c.output())
		}
	}
}

func (c *child) output() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.Join(c.lines, "\n")
}

func (c *child) say(line string) { fmt.Fprintln(c.in, line) }

// end waits until it has ended, and well.
func (c *child) end(t *testing.T) {
	t.Helper()
	select {
	case err := <-c.exited:
		if err != nil {
			t.Fatalf("%v: %v\n%s", c.cmd.Args, err, c.output())
		}
	case <-time.After(time.Minute):
		t.Fatalf("%v does not end:\n%s", c.cmd.Args, c.output())
	}
}
