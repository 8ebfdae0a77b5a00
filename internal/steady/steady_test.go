package steady

import (
	"errors"
	"net"
	"os"
	"testing"
	"testing/synctest"
)

// failing fails so many times before it does what is asked of it.
type failing struct {
	net.Listener
	net.PacketConn
	errors []error
}

func (f *failing) next() error {
	if len(f.errors) == 0 {
		return nil
	}
	err := f.errors[0]
	f.errors = f.errors[1:]
	return err
}

func (f *failing) Accept() (net.Conn, error)              { return nil, f.next() }
func (f *failing) ReadFrom([]byte) (int, net.Addr, error) { return 0, nil, f.next() }
func (f *failing) Close() error                           { return nil }

var errForNow = errors.New("out of files")

func many(err error) []error {
	all := make([]error, 1000)
	for i := range all {
		all[i] = err
	}
	return all
}

func TestListener(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &failing{errors: many(errForNow)[:20]}
		l := Listener(f)
		if _, err := l.Accept(); err != nil {
			t.Errorf("gave up: %v", err)
		}
		f.errors = many(errForNow)
		ended := make(chan error)
		go func() {
			_, err := l.Accept()
			ended <- err
		}()
		synctest.Wait()
		_ = l.Close()
		if err := <-ended; !errors.Is(err, net.ErrClosed) {
			t.Errorf("ended by %v", err)
		}
		_ = l.Close()
	})
}

func TestSocket(t *testing.T) {
	f := &failing{errors: many(errForNow)[:20]}
	s := Socket(f)
	if _, _, err := s.ReadFrom(nil); err != nil {
		t.Errorf("gave up: %v", err)
	}
	for _, last := range []error{net.ErrClosed, os.ErrDeadlineExceeded} {
		f.errors = []error{errForNow, last}
		if _, _, err := s.ReadFrom(nil); !errors.Is(err, last) {
			t.Errorf("went on after %v: %v", last, err)
		}
	}
	f.errors = many(errForNow)
	if _, _, err := s.ReadFrom(nil); !errors.Is(err, errForNow) {
		t.Errorf("a broken socket gives %v", err)
	}
}
