package link

import (
	"time"

	"github.com/pion/webrtc/v4"
)

// judgement is what a restarter knows of the path that there is.
type judgement struct {
	broken time.Duration // since when we need another; 0: it is good
	source string        // the address of this machine at which it begins; "": not known
	gone   bool          // it is that no more

	checkFrom, checkBy time.Duration // something must be heard in between; 0: no
	pinged             time.Duration // when the last ping of a check left

	looked    time.Duration // when we last looked at …
	responses uint64        // … how many answers ICE had to its checks …
	responded time.Duration // … and when their number last grew
	deaf      time.Duration // when it last had none
}

// How long a path may be silent.
const (
	quietAfter  = time.Second             // nothing heard for so long: look at ICE too
	silentAfter = 1600 * time.Millisecond // nor has ICE: the path is broken
	mutedAfter  = 2 * time.Second         // ICE has: it goes one way alone, or another than what we send
	checkTime   = time.Second             // for an answer to a check, and two round trips
)

// check wants to hear something, soon.
func (r *restarter) check(now time.Duration) {
	r.checkFrom, r.checkBy = now, now+checkTime+2*time.Duration(r.link.rtt.Load())
}

// rest forgets that the path may be broken: it is not, or nobody needs it.
func (r *restarter) rest() { r.broken, r.asking, r.checkBy = 0, 0, 0 }

// judge decides whether the path is good.
func (r *restarter) judge(now time.Duration) {
	l := r.link
	heard := time.Duration(l.heard.Load())
	switch {
	case r.began > 0:
		r.watchRound(now, heard)
		return
	case l.patient.Load():
		r.rest()
		return
	case r.checkBy > 0:
		r.await(now, heard)
	}
	silence := now - heard
	if silence >= quietAfter && r.broken == 0 && !r.answered(now, heard) {
		r.deaf = now
	}
	switch {
	case r.broken > 0:
		if !r.gone && heard > r.broken {
			r.rest() // it came back by itself
		}
	case r.gone, l.pc.ICEConnectionState() == webrtc.ICEConnectionStateFailed:
		r.need(now)
	case silence > silentAfter && r.deaf == now:
		r.need(now)
	case now-max(heard, r.deaf) > mutedAfter:
		r.need(now)
	}
}

// await follows a check.
func (r *restarter) await(now, heard time.Duration) {
	r.answered(now, heard)
	switch {
	case heard > r.checkFrom, r.responded > r.checkFrom:
		r.checkBy = 0
	case now >= r.checkBy:
		r.checkBy = 0
		r.need(now)
	case now-r.pinged >= lookAgain:
		r.pinged = now
		r.link.ping(now)
	}
}

// need begins the search for a new path.
func (r *restarter) need(now time.Duration) {
	if r.broken == 0 {
		r.link.engine.options.Logger.Info("the path is broken", "member", r.link.member)
		r.broken = now
	}
}

// answered reports whether the other side answers ICE's checks: then the path is
// most likely good, both ways, whatever is lost of the heartbeats.
func (r *restarter) answered(now, heard time.Duration) bool {
	stats, ok := r.link.pc.SCTP().Transport().ICETransport().GetSelectedCandidatePairStats()
	switch {
	case now-r.looked > 3*lookAgain:
		r.responded = heard // what came before this look may have come when something else did
	case ok && stats.ResponsesReceived != r.responses:
		r.responded = now
	}
	r.looked, r.responses = now, stats.ResponsesReceived
	return now-r.responded < silentAfter
}
