package link

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/pion/stun/v4"
)

// permissions bounds how long pion waits for a relay's permission to talk to an
// address. Pion asks for it in the one goroutine that also answers what state a
// connection is in, begins its next path and closes it; it repeats each request for
// eight seconds, and with each check that fails it begins again. A relay that says
// nothing any more would hold all of that up for half a minute.
type permissions struct {
	ctx   context.Context // the link's
	began time.Time

	mu    sync.Mutex
	id    [stun.TransactionIDSize]byte // of the last request
	tries int                          // of it
	deaf  time.Time                    // until then the relay is asked for nothing
}

// A request is repeated after 200, 400, 800 ms and so on. What is not answered in the
// time of three tries is given up, and nothing else is asked for a while. A search for
// a path does not last long: later requests renew permissions, in a goroutine of their
// own, and may take their time.
const (
	permissionTries = 3
	permissionPause = 3 * time.Second
	permissionTime  = 90 * time.Second
)

var errDeafRelay = errors.New("the relay does not answer")

func newPermissions(ctx context.Context) *permissions {
	return &permissions{ctx: ctx, began: time.Now()}
}

// ask reports whether a message may be written to the relay, which is at home or on
// the internet.
func (p *permissions) ask(message []byte, home bool) error {
	if !asksPermission(message) {
		return nil
	}
	if !home && inVain(message) {
		return errNoWay
	}
	now := time.Now()
	if now.Sub(p.began) > permissionTime {
		return nil
	}
	if err := p.ctx.Err(); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Before(p.deaf) {
		return errDeafRelay
	}
	if id := [stun.TransactionIDSize]byte(message[8:20]); id != p.id {
		p.id, p.tries = id, 0
	}
	if p.tries++; p.tries > permissionTries {
		p.deaf = now.Add(permissionPause)
		return errDeafRelay
	}
	return nil
}

// createPermission is how such a request begins (RFC 8656 section 18.1).
var createPermission = [2]byte{0x00, 0x08}

func asksPermission(message []byte) bool {
	return len(message) >= 20 && [2]byte(message) == createPermission
}
