package chromium

import (
	"encoding/base64"
	"flag"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"unityp2p/signaling/status"
)

var screenshots = flag.String("screenshots", "", "write pictures of the server's page into this `directory`")

// look is how a page is looked at.
type look struct {
	name          string
	width, height int
	scheme        string // of colours
}

var looks = []look{
	{"phone-light", 360, 740, "light"},
	{"phone-dark", 360, 740, "dark"},
	{"small-phone-dark", 320, 568, "dark"},
	{"desktop-light", 1280, 800, "light"},
	{"desktop-dark", 1280, 800, "dark"},
}

// seen is what the browser made of the page.
type seen struct {
	Title, Text, Background, Ink string
	Width, View                  int // of all that there is, and of what is shown
	Violations                   []string
	Requests                     []string // what was loaded besides the page
	Styled                       bool
}

// open opens a page the way it is looked at.
func (l look) open(t *testing.T, url string) (p *peer, s seen) {
	t.Helper()
	b := get(t)
	p = &peer{t: t, browser: b}
	var target struct{ TargetID string }
	var session struct{ SessionID string }
	var nothing struct{}
	p.must(b.call("", "Target.createTarget", map[string]any{"url": "about:blank"}, &target))
	t.Cleanup(func() { _ = b.call("", "Target.closeTarget", map[string]any{"targetId": target.TargetID}, &nothing) })
	p.must(b.call("", "Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &session))
	p.session = session.SessionID
	for _, step := range []struct {
		method string
		params map[string]any
	}{
		{"Page.enable", nil},
		{"Emulation.setDeviceMetricsOverride", map[string]any{"width": l.width, "height": l.height, "deviceScaleFactor": 2, "mobile": l.width < 500}},
		{"Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": l.scheme}}}},
		{"Page.addScriptToEvaluateOnNewDocument", map[string]any{"source": "var violations = [];" +
			"addEventListener('securitypolicyviolation', e => violations.push(e.violatedDirective + ' ' + e.blockedURI))"}},
		{"Page.navigate", map[string]any{"url": url}},
	} {
		p.must(b.call(p.session, step.method, step.params, &nothing))
	}
	p.await("the page", "document.readyState === 'complete' && location.href !== 'about:blank'")
	p.eval(`({
		title: document.title, text: document.body.innerText,
		background: getComputedStyle(document.body).backgroundColor, ink: getComputedStyle(document.body).color,
		width: document.documentElement.scrollWidth, view: innerWidth, violations,
		requests: performance.getEntriesByType('resource').map(e => e.name),
		styled: getComputedStyle(document.querySelector('dl')).display === 'grid',
	})`, &s)
	return p, s
}

// shoot writes a picture, if pictures are wanted.
func (p *peer) shoot(name string) {
	p.t.Helper()
	if *screenshots == "" {
		return
	}
	var shot struct{ Data string }
	p.must(p.browser.call(p.session, "Page.captureScreenshot", map[string]any{"format": "png"}, &shot))
	png, err := base64.StdEncoding.DecodeString(shot.Data)
	p.must(err)
	p.must(os.WriteFile(filepath.Join(*screenshots, name+".png"), png, 0o600))
}

// statusPage serves the page as a server does that is in use.
func statusPage(t *testing.T, c status.Config) string {
	t.Helper()
	c.Version = "1.2.3"
	c.Here = func() (int64, int64) { return 1234567, 89012 }
	h := httptest.NewServer(status.New(c))
	t.Cleanup(h.Close)
	return h.URL
}

func TestTheServersPage(t *testing.T) {
	url := statusPage(t, status.Config{Paths: []string{"/", "/a-longer-path-of-some-game/with-another-part-that-is-long-too"}, Tokens: true})
	for _, l := range looks {
		t.Run(l.name, func(t *testing.T) {
			p, s := l.open(t, url)
			p.shoot(l.name)
			if !strings.Contains(s.Text, "running") || !strings.Contains(s.Text, strings.Replace(url, "http", "ws", 1)+"/a-longer") {
				t.Errorf("it says %q", s.Text)
			}
			if len(s.Violations) > 0 || len(s.Requests) > 0 {
				t.Errorf("it breaks its policy: %q, and loads %q", s.Violations, s.Requests)
			}
			if s.Width > s.View || s.View != l.width {
				t.Errorf("it is %d pixels wide on a screen of %d (wanted %d)", s.Width, s.View, l.width)
			}
			if dark := brightness(t, s.Background) < brightness(t, s.Ink); dark != (l.scheme == "dark") || !s.Styled {
				t.Errorf("%s looks like %s on %s, styled: %v", l.scheme, s.Ink, s.Background, s.Styled)
			}
		})
	}
}

// brightness of rgb(…), roughly.
func brightness(t *testing.T, colour string) (sum int) {
	t.Helper()
	if !strings.HasPrefix(colour, "rgb(") {
		t.Fatalf("colour %q", colour)
	}
	for part := range strings.SplitSeq(strings.Trim(colour, "rgb()"), ",") {
		n := 0
		for _, digit := range strings.TrimSpace(part) {
			n = 10*n + int(digit-'0')
		}
		sum += n
	}
	return sum
}

// The policy lets nothing run that somebody might smuggle in.
func TestThePagesPolicyHolds(t *testing.T) {
	p, _ := looks[0].open(t, statusPage(t, status.Config{}))
	p.do(`new Promise(done => {
		const script = document.createElement('script');
		script.textContent = 'var smuggled = true';
		document.head.append(script);
		const style = document.createElement('style');
		style.textContent = 'body { display: none }';
		document.head.append(style);
		const image = new Image();
		image.onload = image.onerror = done;
		image.src = location.origin + '/image.png';
	})`)
	var result struct {
		Smuggled   bool
		Display    string
		Violations int
	}
	p.eval(`({smuggled: typeof smuggled !== 'undefined', display: getComputedStyle(document.body).display, violations: violations.length})`, &result)
	if result.Smuggled || result.Display == "none" || result.Violations != 3 {
		t.Errorf("%+v", result)
	}
}
