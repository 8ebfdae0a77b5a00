package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"time"

	"unityp2p/cmd/unityp2p/settings"
	"unityp2p/signaling"
)

// strangerRows are the settings of what strangers may do and cost.
func strangerRows(c *signaling.Config) []settings.Row {
	l := &c.Limits
	return []settings.Row{
		{Name: "origins", Key: "origins", Value: settings.List(&c.Origins, "URLs", parseOrigin), Default: "all",
			Usage: "Web pages that may connect, such as `https://example.org`. Games that are no web pages are not asked."},
		{Name: "trusted-proxies", Key: "trustedProxies", Value: settings.List(&c.TrustedProxies, "networks", parseNetwork), Default: "none",
			Usage: "Proxies whose X-Forwarded-For is believed when connections are counted by address: `10.0.0.0/8`."},
		{Name: "ping-interval", Key: "pingInterval", Value: settings.Duration(&c.PingInterval, time.Second, 5*time.Minute),
			Usage: "How often sockets are pinged. Who has not answered one by the next is gone. Platforms cut what is silent, Heroku after 55 s."},
		{Name: "max-connections", Key: "limits.connections", Value: count(&l.Connections),
			Usage: "How many sockets there may be at once."},
		{Name: "max-connections-per-address", Key: "limits.connectionsPerAddress", Value: count(&l.ConnectionsPerAddress),
			Default: "256 from a public address, none from others",
			Usage:   "How many of them may come from one address, or one /64 of IPv6. If set, from loopback and private ones too."},
		{Name: "max-waiting", Key: "limits.waiting", Value: count(&l.Waiting),
			Usage: "How many connections may be open that are no sockets yet. One more ends the oldest."},
		{Name: "max-rooms", Key: "limits.rooms", Value: count(&l.Rooms),
			Usage: "How many rooms there may be in all."},
		{Name: "max-links", Key: "limits.links", Value: count(&l.Links),
			Usage: "How many links between players there may be in all, while they connect."},
		{Name: "max-links-per-peer", Key: "limits.linksPerPeer", Value: count(&l.LinksPerPeer),
			Usage: "How many of them one socket may ask for, and how many it may be given."},
		{Name: "max-frames-per-second", Key: "limits.framesPerSecond", Value: count(&l.FramesPerSecond),
			Usage: "How many frames a socket may send, on average over four seconds. It is read more slowly beyond that, and closed after half a minute."},
		{Name: "max-bytes-per-second", Key: "limits.bytesPerSecond", Value: count(&l.BytesPerSecond),
			Usage: "The same for bytes."},
		{Name: "max-buffered", Key: "limits.buffered", Value: count(&l.Buffered),
			Usage: "How many bytes may wait in the server in all. Beyond that the sockets go for which the most waits."},
		{Name: "handshake-time", Key: "limits.handshake", Value: span(&l.Handshake),
			Usage: "How long a connection may take to become a socket."},
		{Name: "message-time", Key: "limits.message", Value: span(&l.Message),
			Usage: "How long a message may take from its first byte to its last."},
		{Name: "idle-time", Key: "limits.idle", Value: span(&l.Idle),
			Usage: "How long a socket may stay that neither hosts nor joins."},
		{Name: "slow-time", Key: "limits.slow", Value: span(&l.Slow),
			Usage: "How long a socket may take to read 256 KiB of what waits for it."},
	}
}

// unlimited is what the settings call a negative limit.
const unlimited = "none"

// count is a limit on a number of things.
func count(p *int) settings.Value {
	wanted := errors.New(`a whole number above 0 is wanted, or none`)
	parse := func(text string) (int, error) {
		if text == unlimited {
			return -1, nil
		}
		n, err := strconv.ParseInt(text, 10, 32)
		if err != nil || n < 1 {
			return 0, wanted
		}
		return int(n), nil
	}
	return settings.WithJSON(p, "number or none", parse, func(n int) string {
		switch {
		case n < 0:
			return unlimited
		case n == 0:
			return ""
		}
		return strconv.Itoa(n)
	}, func(raw json.RawMessage) (int, error) {
		if string(raw) == strconv.Quote(unlimited) {
			return -1, nil
		}
		return parse(string(raw))
	})
}

// span is a limit on a time.
func span(p *time.Duration) settings.Value {
	const longest = 24 * time.Hour
	return settings.Of(p, "duration or none", func(text string) (time.Duration, error) {
		if text == unlimited {
			return -1, nil
		}
		d, err := time.ParseDuration(text)
		if err != nil || d <= 0 || d > longest {
			return 0, fmt.Errorf("a duration such as 10s or 2m is wanted, up to %v, or none", longest)
		}
		return d, nil
	}, func(d time.Duration) string {
		if d < 0 {
			return unlimited
		}
		return d.String()
	})
}

// parseOrigin lets the server judge, which knows what an origin is.
func parseOrigin(text string) (string, error) {
	if _, err := signaling.New(signaling.Config{Origins: []string{text}}); err != nil {
		return "", errors.New(`origins are wanted, such as "https://example.org"`)
	}
	return text, nil
}

// parseNetwork takes an address for a network of one.
func parseNetwork(text string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, errors.New("addresses or networks are wanted, such as 10.0.0.0/8")
	}
	return p, nil
}
