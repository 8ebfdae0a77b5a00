package core

import (
	"bytes"
	"context"
	"sync"
)

// queue is the Sink behind Next: it keeps events until they are taken. Reliable
// messages are bounded by the credit that senders have, unreliable ones by
// dropping the oldest of the same connection.
type queue struct {
	release func(conn ConnID, cost int)
	limit   int // of unreliable cost, a connection

	mu         sync.Mutex
	items      []*queued
	unreliable map[ConnID]*unreliableQueue
	closed     bool
	ready      chan struct{} // holds a token while something may be waiting
}

type queued struct {
	event   Event
	dropped bool
}

// unreliableQueue lists what one connection may lose.
type unreliableQueue struct {
	items []*queued
	cost  int
}

func newQueue(limit int, release func(ConnID, int)) *queue {
	return &queue{
		release: release, limit: limit,
		unreliable: make(map[ConnID]*unreliableQueue),
		ready:      make(chan struct{}, 1),
	}
}

// Deliver implements Sink.
func (q *queue) Deliver(events []Event) {
	q.mu.Lock()
	for _, e := range events {
		e.Data = bytes.Clone(e.Data)
		item := &queued{event: e}
		q.items = append(q.items, item)
		if e.Type == Message && !e.Reliable {
			q.bound(item)
		}
	}
	q.mu.Unlock()
	q.wake()
}

// bound makes room for one more unreliable message.
func (q *queue) bound(item *queued) {
	u := q.unreliable[item.event.Conn]
	if u == nil {
		u = &unreliableQueue{}
		q.unreliable[item.event.Conn] = u
	}
	u.items = append(u.items, item)
	u.cost += len(item.event.Data) + MessageCost
	for u.cost > q.limit && len(u.items) > 1 {
		oldest := u.items[0]
		u.items = u.items[1:]
		u.cost -= len(oldest.event.Data) + MessageCost
		oldest.dropped, oldest.event.Data = true, nil
	}
}

// Sent implements Sink. Go callers learn of a full buffer from Send.
func (q *queue) Sent(ConnID, bool, int) {}

func (q *queue) wake() {
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

func (q *queue) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.wake()
}

// next takes the oldest event.
func (q *queue) next(ctx context.Context) (Event, error) {
	for {
		e, ok, closed := q.take()
		if ok {
			if e.Type == Message && e.Reliable {
				q.release(e.Conn, len(e.Data)+MessageCost)
			}
			return e, nil
		}
		if closed {
			q.wake() // for whoever else is waiting
			return Event{}, ErrClosed
		}
		select {
		case <-q.ready:
		case <-ctx.Done():
			return Event{}, ctx.Err()
		}
	}
}

func (q *queue) take() (e Event, ok, closed bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.items) > 0 {
		item := q.items[0]
		q.items[0] = nil
		q.items = q.items[1:]
		if item.dropped {
			continue
		}
		q.forget(&item.event)
		if len(q.items) > 0 {
			q.wake()
		}
		return item.event, true, false
	}
	return Event{}, false, q.closed
}

// forget takes an event off its connection's list of unreliable messages.
func (q *queue) forget(e *Event) {
	if e.Type == Disconnected {
		delete(q.unreliable, e.Conn)
	}
	if e.Type != Message || e.Reliable {
		return
	}
	if u := q.unreliable[e.Conn]; u != nil && len(u.items) > 0 {
		u.items = u.items[1:]
		u.cost -= len(e.Data) + MessageCost
	}
}
