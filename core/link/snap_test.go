package link

import (
	"encoding/base64"
	"encoding/binary"
	"regexp"
	"sync/atomic"
	"testing"
	"time"
)

// association is the line of a description that begins SCTP.
var association = regexp.MustCompile(`a=sctp-init:(\S*)\r\n`)

func TestSCTPBeginsInOfferAndAnswer(t *testing.T) {
	var begun atomic.Int32
	a, b := begin(t, nil, func(sdp string) string {
		if association.MatchString(sdp) {
			begun.Add(1)
		}
		return sdp
	})
	for _, e := range []*end{a, b} {
		e.await("up", func() bool { return e.up })
	}
	if begun.Load() != 2 {
		t.Errorf("%d of offer and answer have a sctp-init", begun.Load())
	}
	a.send(pattern(1<<20), true)
	b.await("message", func() bool { return len(b.messages) == 1 })
}

// What another peer says of its association may be anything: it harms nobody but
// itself. In the form of RFC 9260 section 3.3.2 the tag is at 4, the window at 8, the
// numbers of streams at 12 and 14, the first number of a chunk at 16.
func TestAWrongBeginningOfSCTP(t *testing.T) {
	for name, change := range map[string]func([]byte) []byte{
		"nothing":      func([]byte) []byte { return nil },
		"cut":          func(b []byte) []byte { return b[:10] },
		"no tag":       func(b []byte) []byte { binary.BigEndian.PutUint32(b[4:], 0); return b },
		"no window":    func(b []byte) []byte { binary.BigEndian.PutUint32(b[8:], 0); return b },
		"no streams":   func(b []byte) []byte { binary.BigEndian.PutUint32(b[12:], 0); return b },
		"other number": func(b []byte) []byte { b[16] ^= 0x80; return b },
		"no params":    func(b []byte) []byte { return b[:20] },
		"noise":        func(b []byte) []byte { return pattern(len(b)) },
		"long":         func(b []byte) []byte { return append(b, pattern(8000)...) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, b := begin(t, func(o *Options) { o.ConnectTimeout = 3 * time.Second }, func(sdp string) string {
				return association.ReplaceAllStringFunc(sdp, func(line string) string {
					init, err := base64.StdEncoding.DecodeString(association.FindStringSubmatch(line)[1])
					if err != nil {
						t.Error(err)
						return line
					}
					return "a=sctp-init:" + base64.StdEncoding.EncodeToString(change(init)) + "\r\n"
				})
			})
			for _, e := range []*end{a, b} {
				e.await("an end or a beginning", func() bool { return e.up || e.down != nil })
			}
		})
	}
}

// Older versions, and most browsers, know nothing of it.
func TestAPeerThatBeginsSCTPLater(t *testing.T) {
	a, b := begin(t, nil, func(sdp string) string { return association.ReplaceAllString(sdp, "") })
	for _, e := range []*end{a, b} {
		e.await("up", func() bool { return e.up })
	}
	b.send(pattern(1<<20), true)
	a.await("message", func() bool { return len(a.messages) == 1 })
}
