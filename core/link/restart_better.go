package link

import (
	"net"
	"strconv"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/stun/v4"
	"github.com/pion/webrtc/v4"
)

// better is what a restarter does about a path by a relay where there is one without.
// The relay was chosen because the other came late; pion, once it has a path, looks at
// no other. Who makes the offers makes the path anew then.
type better struct {
	stays  time.Duration // when the path is as it stays
	wanted time.Duration // since when we want a better one; 0: we do not
	tries  int
}

// When a better path is looked for.
const (
	betterAfter = 3 * time.Second  // a new path …
	betterAgain = 30 * time.Second // … and one that was to be better
	betterTime  = 5 * time.Second  // to agree on it
	betterTries = 2                // of a link
)

// settle begins the wait for the path to be as it stays.
func (b *better) settle(now time.Duration) {
	b.stays = now + betterAfter
	if b.tries > 0 {
		b.stays = now + betterAgain
	}
}

// improve wants another path if there is a better one.
func (r *restarter) improve(now time.Duration) {
	l := r.link
	switch {
	case !l.offerer, l.patient.Load(), r.began > 0, r.broken > 0, r.asked:
		r.wanted = 0
	case r.wanted > 0:
		if now-r.wanted > betterTime {
			r.wanted, r.asking = 0, 0 // there is no way to agree on it
		}
	case r.tries < betterTries && now >= r.stays && l.detours():
		l.engine.options.Logger.Info("there is a way without the relay", "member", l.member)
		r.tries++
		r.wanted = now
		r.settle(now)
	}
}

// asked is called by pion for each request of the other side's. It notes where those
// come from that no relay has passed on. To say true would mean to choose the pair,
// for this side alone.
func (l *Link) asked(_ *stun.Message, local, remote ice.Candidate, _ *ice.CandidatePair) bool {
	l.hurry.request()
	if local.Type() != ice.CandidateTypeRelay && remote.Type() != ice.CandidateTypeRelay {
		l.heardFrom.addOnce(net.JoinHostPort(remote.Address(), strconv.Itoa(remote.Port())))
	}
	return false
}

// detours reports whether the path goes by a relay although something of the other
// side's has come without.
func (l *Link) detours() bool {
	pair := l.pair()
	const relay = webrtc.ICECandidateTypeRelay
	if pair == nil || pair.Local.Typ != relay && pair.Remote.Typ != relay && !l.theirRelays.has(address(pair.Remote)) {
		return false
	}
	// Where a request comes from may be known as a relay's only later.
	for _, from := range l.heardFrom.list() {
		if !l.theirRelays.has(from) {
			return true
		}
	}
	return false
}
