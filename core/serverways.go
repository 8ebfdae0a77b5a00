package core

import (
	"slices"
	"time"

	"golang.org/x/time/rate"
)

// serverWays are those over which a member speaks at the signaling server about its
// path to us. It is known by the newest that it sealed, with which another that is to
// carry it can be faster: that one then has a way too, and hears what the member hears,
// which is of no use to it. It takes none away from the member, and its share of nothing.
type serverWays struct {
	list  []*serverWay // the one used last at the end
	taken *rate.Limiter
}

type serverWay struct {
	route   *serverRoute
	carries *rate.Limiter // what it has us pass on
}

// mostWays a member has at a time: beyond it the one goes that was not used for
// longest. The member itself says something every 400 ms.
const mostWays = 4

// A way that is new has all said again, but only so often.
const (
	newWayEvery = 100 * time.Millisecond
	newWayBurst = 4
)

// take notes that something sealed came over a route. It reports whether that is a new
// way, over which all is to be said again at once.
func (w *serverWays) take(route *serverRoute) (anew bool) {
	if way := w.over(route); way != nil {
		i := slices.Index(w.list, way)
		w.list = append(slices.Delete(w.list, i, i+1), way)
		return false
	}
	if len(w.list) == mostWays {
		w.list = slices.Delete(w.list, 0, 1)
	}
	w.list = append(w.list, &serverWay{route, rate.NewLimiter(carrySecond, carryBurst)})
	if w.taken == nil {
		w.taken = rate.NewLimiter(rate.Every(newWayEvery), newWayBurst)
	}
	return w.taken.Allow()
}

// over returns the way that a route is, nil if it is none.
func (w *serverWays) over(route *serverRoute) *serverWay {
	for _, way := range w.list {
		if way.route == route {
			return way
		}
	}
	return nil
}

// drop ends the way that a route is, if it is one.
func (w *serverWays) drop(route *serverRoute) {
	w.list = slices.DeleteFunc(w.list, func(way *serverWay) bool { return way.route == route })
}
