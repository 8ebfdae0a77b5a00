//go:build linux

package ctest

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestBridge(t *testing.T) {
	for sanitizer, flag := range map[string]string{
		"address and undefined": "-fsanitize=address,undefined", "thread": "-fsanitize=thread",
	} {
		for _, program := range []string{"bridge_contract", "bridge_races"} {
			t.Run(program+" "+sanitizer, func(t *testing.T) {
				bridge(t, program, "-O1", flag, "-fno-sanitize-recover=all")
			})
		}
	}
}

func TestCosts(t *testing.T) {
	t.Log(bridge(t, "idle_poll", "-O2"))
}

// The fuzzer finds sequences of calls that nobody thought of. It runs for some
// seconds, or as long as UNITYP2P_FUZZ says.
func TestBridgeUnderAFuzzer(t *testing.T) {
	duration := 15 * time.Second
	if text := os.Getenv("UNITYP2P_FUZZ"); text != "" {
		var err error
		if duration, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	program := filepath.Join(t.TempDir(), "bridge_fuzz")
	args := []string{
		"-g", "-O1", "-Wall", "-Wextra", "-Werror", "-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all",
		"-o", program, "programs/bridge_fuzz.c",
	}
	for _, s := range bridgeSources {
		args = append(args, filepath.Join("..", s))
	}
	run(t, nil, "clang", append(args, "-lpthread", "-ldl")...)
	failed, err := filepath.Glob("testdata/fuzz/crash-*")
	if err != nil {
		t.Fatal(err)
	}
	for _, input := range failed {
		run(t, nil, program, input)
	}
	ctx, cancel := context.WithTimeout(context.Background(), duration+patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, "-max_total_time="+strconv.Itoa(int(duration.Seconds())),
		"-timeout=20", "-max_len=2000", "-print_final_stats=1", "-artifact_prefix=testdata/fuzz/", t.TempDir())
	out, err := cmd.CombinedOutput()
	text := string(out)
	if err != nil {
		t.Fatalf("%v\n%s", err, text[max(0, len(text)-8000):])
	}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "stat::number_of_executed_units") {
			t.Log(line)
		}
	}
}
