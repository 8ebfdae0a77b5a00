package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

const patience = 3 * time.Minute

// process is one end.
type process struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines chan string // of its standard output; closed at its end
}

func start(ctx context.Context, env []string, name string, args ...string) (*process, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, in: in, lines: make(chan string, 1024)}
	go func() {
		defer close(p.lines)
		s := bufio.NewScanner(out)
		s.Buffer(nil, 1<<20)
		for s.Scan() {
			p.lines <- s.Text()
		}
	}()
	return p, nil
}

// end waits for the process and reads its figures.
func (p *process) end(into map[string]float64) error {
	for line := range p.lines {
		name, value, _ := strings.Cut(line, " ")
		v, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return fmt.Errorf("unexpected line %q", line)
		}
		into[name] = v
	}
	return p.cmd.Wait()
}

// run measures one job once with one variant.
func (b *bench) run(variant, url string, j job) (map[string]float64, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	count := strconv.Itoa(j.count)
	begin := func(role string) (*process, error) {
		switch variant {
		case ours:
			return start(ctx, nil, b.ours, role, url, j.work, count)
		case oursStock:
			return start(ctx, []string{"LD_LIBRARY_PATH=" + b.stock}, b.ours, role, url, j.work, count)
		case rawTuned:
			return start(ctx, nil, b.raw, role, "tuned", j.work, count)
		}
		return start(ctx, nil, b.raw, role, "default", j.work, count)
	}
	receiver, err := begin("receive")
	if err != nil {
		return nil, err
	}
	got := make(map[string]float64)
	if j.work == "idle" {
		return got, receiver.end(got)
	}
	if variant == ours || variant == oursStock {
		if line := <-receiver.lines; line != "ready 1" {
			cancel()
			return nil, errors.Join(fmt.Errorf("the host's room did not open: %q", line), receiver.cmd.Wait())
		}
	}
	sender, err := begin("send")
	if err != nil {
		return nil, errors.Join(err, receiver.cmd.Process.Kill(), receiver.cmd.Wait())
	}
	if variant == rawDefault || variant == rawTuned {
		if err := introduce(sender, receiver, j); err != nil {
			cancel()
			return nil, errors.Join(err, sender.cmd.Wait(), receiver.cmd.Wait())
		}
	}
	err = receiver.end(got)
	_ = sender.in.Close() // a crowd leaves when it is not needed any more
	return got, errors.Join(err, sender.end(got))
}

// introduce carries offers and answers.
func introduce(sender, receiver *process, j job) error {
	pairs := 1
	if j.work == "memory" {
		pairs = j.count + 1
	}
	for range pairs {
		for _, from := range []*process{sender, receiver} {
			to := receiver
			if from == receiver {
				to = sender
			}
			line, ok := <-from.lines
			if !ok {
				return errors.New("an end went before it was connected")
			}
			if _, err := fmt.Fprintln(to.in, line); err != nil {
				return err
			}
		}
	}
	return nil
}
