package main

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"

	"unityp2p/internal/sigbench"
)

// asProgram in the environment lets the test binary be the program, for tests that
// need a process of its own.
const asProgram = "TEST_AS_UNITYP2P"

func TestBenchMeasures(t *testing.T) {
	t.Setenv(asProgram, "1")
	var out bytes.Buffer
	if err := run(context.Background(), strings.Fields("bench signaling -json -idle 50 -hold 1s -leave 1s -joins 20 -rate 50 -relays 2000"), nil, &out, &bytes.Buffer{}); err != nil {
		t.Fatal(err)
	}
	var r sigbench.Report
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	for _, row := range []string{"50 idle peers, memory of each", "joins at 50/s, CPU of 1000", "joins flat out, CPU of 1000", "relay, p50", "relay, p99", "relays flat out, CPU of a million"} {
		for _, server := range r.Servers {
			if _, ok := r.Value(row, server); !ok {
				t.Errorf("%s: no %s", server, row)
			}
		}
	}
	if v, _ := r.Value("joins flat out, achieved", "unityp2p"); v <= 0 {
		t.Errorf("%v joins a second", v)
	}
}

func TestBenchSaysWhatIsWrong(t *testing.T) {
	for _, args := range []string{"bench", "bench cpu", "bench signaling -idle many", "bench signaling -joins -1", "bench signaling -rate 0", "bench signaling now"} {
		if err := run(context.Background(), strings.Fields(args), nil, &bytes.Buffer{}, &bytes.Buffer{}); err == nil {
			t.Errorf("%q is fine", args)
		}
	}
}
