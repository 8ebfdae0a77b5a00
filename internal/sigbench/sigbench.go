// Package sigbench measures the signaling server beside a plain
// gorilla/websocket server: what an idle peer costs, what a join costs, what
// passing a message on costs.
//
// Each server is a process of its own, so that its memory and its processor time
// are its alone; all load comes from this process, over loopback, bounded in
// number and time. Linux only: it reads /proc.
package sigbench

import (
	"context"
	"fmt"
	"io"
	"time"
)

// Server is a server that can be measured.
type Server struct {
	Name    string
	Command []string // a program that says its address in its first line, as "ws://HOST:PORT/"
	plain   bool     // it speaks as PlainServer does
}

// Options say how much is measured. The zero value measures nothing.
type Options struct {
	Servers []Server
	Idle    []int         // how many idle peers are held
	Hold    time.Duration // for how long
	Leave   time.Duration // how long they may have been gone until memory is given back
	Joins   int           // how many joins are made, paced and flat out each
	Rate    int           // joins per second when they are paced
	Relays  int           // how many messages are relayed
	Log     io.Writer     // says what is going on
}

// Ours is our server, run by a program's "serve" command, and Plain the other,
// run by its "bench plain".
func Ours(program string) Server {
	return Server{Name: "unityp2p", Command: []string{program, "serve", "-addr", "127.0.0.1:0"}}
}

// Plain is the server that ours is compared with.
func Plain(program string) Server {
	return Server{Name: "plain gorilla", Command: []string{program, "bench", "plain"}, plain: true}
}

// Run measures.
func Run(ctx context.Context, o Options) (*Report, error) {
	r := &Report{Hold: o.Hold.Seconds()}
	for _, s := range o.Servers {
		r.Servers = append(r.Servers, s.Name)
	}
	steps := []func(context.Context, Options, Server) ([]Figure, error){}
	for _, peers := range o.Idle {
		steps = append(steps, func(ctx context.Context, o Options, s Server) ([]Figure, error) {
			return measureIdle(ctx, o, s, peers)
		})
	}
	if o.Joins > 0 {
		steps = append(steps, measureJoins)
	}
	if o.Relays > 0 {
		steps = append(steps, measureRelays)
	}
	for _, step := range steps {
		for _, s := range o.Servers {
			figures, err := step(ctx, o, s)
			if err != nil {
				return nil, fmt.Errorf("measuring %s: %w", s.Name, err)
			}
			for _, f := range figures {
				r.add(s.Name, f)
			}
		}
	}
	return r, nil
}

func (o Options) say(format string, args ...any) {
	if o.Log != nil {
		_, _ = fmt.Fprintf(o.Log, format+"\n", args...)
	}
}
