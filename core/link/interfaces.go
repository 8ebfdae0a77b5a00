package link

import (
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pion/transport/v5"
	"github.com/pion/webrtc/v4"
)

// interfaces watches the addresses of this machine while there are links that want
// to know of a change. The zero value watches nothing yet.
type interfaces struct {
	mu    sync.Mutex
	links map[*Link]struct{}
	known []string        // now, in order; nil: not looked yet
	ever  map[string]bool // those that there were; true: and are
	stop  chan struct{}
	done  chan struct{}
}

// How often the list is read. Systems could tell of changes, each in its own way. To
// read it costs 0.2 ms, but 50 ms where there are a hundred virtual interfaces: there
// it is read less often, so that it takes no more than that share of a core.
const (
	watchEvery = time.Second
	watchShare = 100
)

// mostEver bounds what is remembered: an IPv6 machine has other addresses each day.
const mostEver = 256

// join lets a link know of changes until it leaves.
func (i *interfaces) join(l *Link, network func() (transport.Net, error)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.links == nil {
		i.links = make(map[*Link]struct{})
	}
	i.links[l] = struct{}{}
	if len(i.links) > 1 {
		return
	}
	before := i.done // of an earlier watch, which is ending
	i.stop, i.done = make(chan struct{}), make(chan struct{})
	i.known, i.ever = nil, make(map[string]bool)
	go func(stop <-chan struct{}, done chan<- struct{}) {
		defer close(done)
		if before != nil {
			<-before
		}
		i.watch(stop, network)
	}(i.stop, i.done)
}

// leave ends the watch with the last link.
func (i *interfaces) leave(l *Link) {
	i.mu.Lock()
	delete(i.links, l)
	var done chan struct{}
	if len(i.links) == 0 {
		close(i.stop)
		done = i.done
	}
	i.mu.Unlock()
	if done != nil {
		<-done
	}
}

// source returns the address of this machine at which the path begins; "" if there
// is none, as after it was taken away.
func (l *Link) source() string {
	pair := l.pair()
	if pair == nil {
		return ""
	}
	to := address(pair.Remote)
	switch pair.Local.Typ {
	case webrtc.ICECandidateTypeHost: // the socket has that one and no other
		if l.engine.LostAddress(pair.Local.Address) {
			return ""
		}
		return pair.Local.Address
	case webrtc.ICECandidateTypeRelay:
		to = address(pair.Local) // it lies on the relay
	}
	// Others leave by what the system thinks best. To ask it sends nothing.
	conn, err := l.engine.dial("udp", to)
	if err != nil {
		return ""
	}
	defer conn.Close()
	from, ok := conn.LocalAddr().(*net.UDPAddr)
	if !ok {
		return ""
	}
	return from.IP.String()
}

// dial is net.Dial in the engine's network.
func (e *Engine) dial(network, to string) (net.Conn, error) {
	if e.options.Net != nil {
		return e.options.Net.Dial(network, to)
	}
	return net.Dial(network, to)
}

// LostAddress reports whether this machine had the address and has it no more. Only
// what was lost while there were links is known.
func (e *Engine) LostAddress(address string) bool { return e.interfaces.lost(address) }

func (i *interfaces) lost(address string) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	here, ever := i.ever[address]
	return ever && !here
}

func (i *interfaces) watch(stop <-chan struct{}, network func() (transport.Net, error)) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-stop:
			return
		}
		began := time.Now()
		if n, err := network(); err == nil {
			i.look(n)
		}
		timer.Reset(max(watchEvery, watchShare*time.Since(began)))
	}
}

// look compares the list with the one before.
func (i *interfaces) look(n transport.Net) {
	list, err := listAddresses(n)
	if err != nil {
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	changed := i.known != nil && !slices.Equal(i.known, list)
	i.known = list
	if len(i.ever)+len(list) > mostEver {
		clear(i.ever)
	}
	for address := range i.ever {
		i.ever[address] = false
	}
	for _, address := range list {
		i.ever[address] = true
	}
	if !changed {
		return
	}
	for l := range i.links {
		l.restart.note(func(r *restarter) { r.moved = true })
	}
}

// listAddresses returns the addresses of interfaces that are up, in order.
func listAddresses(n transport.Net) ([]string, error) {
	all, err := n.Interfaces()
	if err != nil {
		return nil, err
	}
	list := []string{}
	for _, one := range all {
		if one.Flags&net.FlagUp == 0 {
			continue
		}
		addresses, err := one.Addrs()
		if err != nil {
			continue // it has none
		}
		for _, a := range addresses {
			address, _, _ := strings.Cut(a.String(), "/")
			list = append(list, address)
		}
	}
	slices.Sort(list)
	return list, nil
}
