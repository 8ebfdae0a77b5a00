//go:build linux

package netlab

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// namespace is a network namespace, held by a thread that does in it what it is
// told. It has no name: it ends with the thread and what was opened in it.
type namespace struct {
	calls  chan func()
	closed chan struct{}
	once   sync.Once
	ended  chan struct{}
}

var errClosed = errors.New("the lab is closed")

func newNamespace() (*namespace, error) {
	n := &namespace{calls: make(chan func()), closed: make(chan struct{}), ended: make(chan struct{})}
	ready := make(chan error, 1)
	go n.work(ready)
	if err := <-ready; err != nil {
		return nil, err
	}
	// A new namespace has some settings of the machine's own, which differ.
	err := n.do(func() error {
		return errors.Join(
			os.WriteFile("/proc/sys/net/ipv4/conf/all/rp_filter", []byte("0"), 0),
			os.WriteFile("/proc/sys/net/ipv4/conf/default/rp_filter", []byte("0"), 0),
			os.WriteFile("/proc/sys/net/ipv6/conf/all/disable_ipv6", []byte("0"), 0),
			os.WriteFile("/proc/sys/net/ipv6/conf/default/disable_ipv6", []byte("0"), 0),
		)
	})
	if err == nil {
		err = n.ip(DualStack, "link set lo up")
	}
	if err != nil {
		n.close()
		return nil, err
	}
	return n, nil
}

// work is the thread. It is never unlocked, so that it ends with the goroutine.
func (n *namespace) work(ready chan<- error) {
	defer close(n.ended)
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		ready <- fmt.Errorf("making a network namespace: %w", err)
		return
	}
	ready <- nil
	for {
		select {
		case f := <-n.calls:
			f()
		case <-n.closed:
			return
		}
	}
}

// do runs f in the namespace: sockets that it opens and processes that it starts
// are there for good. f must not block for long.
func (n *namespace) do(f func() error) error {
	done := make(chan error, 1)
	select {
	case n.calls <- func() { done <- f() }:
		return <-done
	case <-n.closed:
		return errClosed
	}
}

func (n *namespace) close() {
	n.once.Do(func() { close(n.closed) })
	<-n.ended
}

// ip runs commands of ip(8), one a line, for the families.
func (n *namespace) ip(families Families, lines ...string) error {
	if len(lines) == 0 {
		return nil
	}
	args := []string{"-batch", "-"}
	switch families {
	case IPv4:
		args = append([]string{"-4"}, args...)
	case IPv6:
		args = append([]string{"-6"}, args...)
	}
	return n.command(strings.Join(lines, "\n")+"\n", "ip", args...)
}

// nft runs a script of nft(8).
func (n *namespace) nft(script string) error { return n.command(script, "nft", "-f", "-") }

func (n *namespace) command(in, name string, args ...string) error {
	var out bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(in), &out, &out
	if err := n.do(cmd.Start); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s%s", name, strings.Join(args, " "), err, in, out.Bytes())
	}
	return nil
}

// tun makes a network interface whose packets we carry.
func (n *namespace) tun(name string) (*os.File, error) {
	var file *os.File
	err := n.do(func() error {
		fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("opening /dev/net/tun: %w", err)
		}
		request, err := unix.NewIfreq(name)
		if err == nil {
			request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
			err = unix.IoctlIfreq(fd, unix.TUNSETIFF, request)
		}
		if err != nil {
			_ = unix.Close(fd)
			return fmt.Errorf("making interface %s: %w", name, err)
		}
		file = os.NewFile(uintptr(fd), name)
		return nil
	})
	return file, err
}

// forward makes the namespace a router.
func (n *namespace) forward() error {
	return n.do(func() error {
		return errors.Join(
			os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0),
			os.WriteFile("/proc/sys/net/ipv6/conf/all/forwarding", []byte("1"), 0),
		)
	})
}

// forget makes a router's connection tracking, and with it its NAT, forget the
// connections to an address, or with the zero Addr all: ctnetlink's "delete"
// without saying which.
func (n *namespace) forget(to netip.Addr) error {
	if err := n.do(func() error { return flush(to) }); err != nil {
		return fmt.Errorf("flushing the connection tracking: %w", err)
	}
	return nil
}

// Attributes of ctnetlink, as far as we need them.
const (
	ctDelete   = unix.NFNL_SUBSYS_CTNETLINK<<8 | 2 // IPCTNL_MSG_CT_DELETE
	ctMark     = 8                                 // CTA_MARK
	ctMarkMask = 21                                // CTA_MARK_MASK
)

func flush(to netip.Addr) error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	message := make([]byte, unix.SizeofNlMsghdr+4) // and a struct nfgenmsg of zeros: all families
	binary.NativeEndian.PutUint16(message[4:], ctDelete)
	binary.NativeEndian.PutUint16(message[6:], unix.NLM_F_REQUEST|unix.NLM_F_ACK)
	if to.IsValid() {
		message = attribute(message, ctMark, markOf(to))
		message = attribute(message, ctMarkMask, ^uint32(0))
	}
	binary.NativeEndian.PutUint32(message, uint32(len(message)))
	if err := unix.Sendto(fd, message, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	answer := make([]byte, 4096)
	size, _, err := unix.Recvfrom(fd, answer, 0)
	if err != nil {
		return err
	}
	if size < unix.SizeofNlMsghdr+4 {
		return errors.New("a short answer")
	}
	if code := int32(binary.NativeEndian.Uint32(answer[unix.SizeofNlMsghdr:])); code != 0 {
		return unix.Errno(-code)
	}
	return nil
}

// attribute appends one of netlink's, a number in network order.
func attribute(message []byte, kind uint16, value uint32) []byte {
	message = binary.NativeEndian.AppendUint16(message, unix.SizeofNlAttr+4)
	message = binary.NativeEndian.AppendUint16(message, kind)
	return binary.BigEndian.AppendUint32(message, value)
}

// markOf is what the rule markRule marks connections to an IPv4 address with.
func markOf(to netip.Addr) uint32 {
	four := to.As4()
	return binary.NativeEndian.Uint32(four[:])
}
