package doctor

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"time"
	"unicode"

	"unityp2p/core"
	"unityp2p/core/sigclient"
)

// Options say what to check. Only URL must be set.
type Options struct {
	URL   string // as it stands in the game
	Token string // the player's; "": none
	Room  string // to host and to join; "": one that nobody else uses

	TLSPin string      // as in core.Config
	TLS    *tls.Config // for wss:// and turns:; nil: the system's roots

	ICE      []core.ICEServer // to check besides those that the server hands out
	Idle     time.Duration    // how long a silent socket must last; 0: not checked
	Patience time.Duration    // for each answer; 0: 10 s
}

const defaultPatience = 10 * time.Second

// Outcome is what came of a step.
type Outcome string

// The outcomes.
const (
	Passed  Outcome = "passed"
	Failed  Outcome = "failed"
	Skipped Outcome = "skipped" // not asked for, or of no use after what failed
)

// Step is one step of the check.
type Step struct {
	Name    string        `json:"name"`
	Outcome Outcome       `json:"outcome"`
	Detail  string        `json:"detail"`           // what was found
	Advice  string        `json:"advice,omitempty"` // what to do about it; "": nothing
	Took    time.Duration `json:"took_ns"`
}

// visit is one examination, and what it has found so far.
type visit struct {
	Options
	url       *url.URL
	pin       *sigclient.Pin
	addresses []netip.Addr // of the host
	answers   []string     // those with the port where somebody answers

	room        string
	host, guest *socket
	hostID      int16 // the host's id of the link between them
	tokenInURL  bool  // and not only in the header
	ice         []core.ICEServer
}

// check is how a step is made.
type check struct {
	name string
	run  func(*visit, context.Context) (detail string, err error)
	// vital: if it fails, the steps after it have nothing to stand on.
	vital bool
}

func checks() []check {
	return []check{
		{"url", (*visit).checkURL, true},
		{"dns", (*visit).checkDNS, true},
		{"tcp", (*visit).checkTCP, true},
		{"tls", (*visit).checkTLS, true},
		{"upgrade", (*visit).checkUpgrade, true},
		{"version", (*visit).checkVersion, true},
		{"listen", (*visit).checkListen, true},
		{"connect", (*visit).checkConnect, true},
		{"relay", (*visit).checkRelay, true},
		{"idle", (*visit).checkIdle, false},
		{"stun", (*visit).checkSTUN, false},
		{"turn", (*visit).checkTURN, false},
		{"channel", (*visit).checkChannel, false},
	}
}

// Run makes every step, reports each as it is done, and returns whether none
// failed.
func Run(ctx context.Context, o Options, report func(Step)) bool {
	if o.Patience == 0 {
		o.Patience = defaultPatience
	}
	if o.TLS == nil {
		o.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	v := &visit{Options: o}
	defer v.leave()
	failed := ""
	well := true
	for _, c := range checks() {
		if failed != "" {
			report(Step{Name: c.name, Outcome: Skipped, Detail: "not tried: " + failed + " comes first"})
			continue
		}
		s := v.step(ctx, c)
		if s.Outcome == Failed {
			well = false
			if c.vital {
				failed = c.name
			}
		}
		report(s)
	}
	return well
}

func (v *visit) step(ctx context.Context, c check) Step {
	began := time.Now()
	detail, err := c.run(v, ctx)
	s := Step{Name: c.name, Outcome: Passed, Detail: detail, Took: time.Since(began)}
	var found *finding
	switch {
	case err == nil:
	case errors.As(err, &found):
		s.Outcome, s.Detail, s.Advice = found.outcome, found.detail, found.advice
	default:
		s.Outcome, s.Detail = Failed, err.Error()
	}
	s.Detail, s.Advice = printable(s.Detail), printable(s.Advice)
	return s
}

// leave closes the sockets that there are, and so leaves the room.
func (v *visit) leave() {
	for _, s := range []*socket{v.guest, v.host} {
		if s != nil {
			s.close()
		}
	}
	v.host, v.guest = nil, nil
}

// finding is a step that did not simply pass, with what to do about it.
type finding struct {
	outcome        Outcome
	detail, advice string
}

func (f *finding) Error() string { return f.detail }

func failed(advice, format string, args ...any) error {
	return &finding{Failed, fmt.Sprintf(format, args...), advice}
}

func skipped(advice, format string, args ...any) error {
	return &finding{Skipped, fmt.Sprintf(format, args...), advice}
}

// noted is a step that passed, with something to be said.
func noted(advice, format string, args ...any) error {
	return &finding{Passed, fmt.Sprintf(format, args...), advice}
}

const maxDetail = 1000 // bytes

// printable makes what a stranger's server may have said fit for a terminal.
func printable(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '\uFFFD'
	}, text)
	if len(text) > maxDetail {
		text = strings.ToValidUTF8(text[:maxDetail], "") + "…"
	}
	return text
}

// milliseconds writes a time as people like it.
func milliseconds(d time.Duration) string {
	if d < 10*time.Millisecond {
		return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
	}
	return fmt.Sprintf("%d ms", d.Milliseconds())
}
