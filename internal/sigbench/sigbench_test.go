package sigbench

import (
	"context"
	"strings"
	"testing"
	"time"
)

func TestTheTable(t *testing.T) {
	r := &Report{Servers: []string{"a", "b"}}
	r.add("a", Figure{"memory", "KB", 4.25})
	r.add("b", Figure{"memory", "KB", 1234.5})
	var b strings.Builder
	if err := r.Table(&b); err != nil {
		t.Fatal(err)
	}
	want := "| | unit | a | b |\n|---|---|---|---|\n| memory | KB | 4.2 | 1234 |\n"
	if b.String() != want {
		t.Errorf("got\n%s", b.String())
	}
	if v, ok := r.Value("memory", "b"); !ok || v != 1234.5 {
		t.Errorf("b's memory: %v, %v", v, ok)
	}
	b.Reset()
	if err := r.JSON(&b); err != nil || !strings.Contains(b.String(), `"memory"`) {
		t.Errorf("%v: %s", err, b.String())
	}
}

func TestPercentile(t *testing.T) {
	times := make([]time.Duration, 200)
	for i := range times {
		times[i] = time.Duration(i)
	}
	for percent, want := range map[int]time.Duration{0: 0, 50: 100, 99: 198, 100: 199} {
		if got := percentile(times, percent); got != want {
			t.Errorf("p%d is %d, want %d", percent, got, want)
		}
	}
}

func TestAServerThatDoesNotStart(t *testing.T) {
	for _, command := range [][]string{{"/bin/false"}, {"/bin/echo", "hello"}, {"/nowhere"}} {
		_, err := Run(context.Background(), Options{Servers: []Server{{Name: "x", Command: command}}, Relays: 1})
		if err == nil || !strings.Contains(err.Error(), "measuring x") {
			t.Errorf("%v: %v", command, err)
		}
	}
}
