# shellcheck shell=bash
# Linters and tests, step by step. Sourced by build.sh.

# install_tools: what the tests need beyond Go and gcc.
install_tools() {
  local missing="" tool
  for tool in shellcheck shfmt clang chromium nunit-console; do
    command -v "$tool" >/dev/null || missing="$missing $tool"
  done
  if [ "$(uname)" = Linux ]; then # internal/netlab
    command -v nft >/dev/null || missing="$missing nftables"
    command -v ip >/dev/null || missing="$missing iproute2"
    command -v systemd-analyze >/dev/null || missing="$missing systemd"
    command -v sysctl >/dev/null || missing="$missing procps"
    [ -f /etc/ssl/certs/ca-certificates.crt ] || missing="$missing ca-certificates"
  fi
  command -v mcs >/dev/null || missing="$missing mono-mcs"
  command -v mono-boehm >/dev/null || missing="$missing mono-runtime-boehm"
  [ -d /usr/lib/cli/nunit.framework-2.6.3 ] || missing="$missing libnunit-cil-dev"
  fuzzer_runtime || missing="$missing libclang-rt-dev"
  [ -n "$missing" ] || return 0
  if ! command -v apt-get >/dev/null; then
    die "missing:$missing. On macOS: brew install shellcheck shfmt (clang comes with Xcode). Elsewhere: your system's package manager has them."
  fi
  # shellcheck disable=SC2086 # one word each
  install_packages $missing
}

# fuzzer_runtime: whether clang can link a fuzzer.
fuzzer_runtime() {
  clang -fsanitize=fuzzer -x c -o /dev/null - 2>/dev/null \
    <<<'int LLVMFuzzerTestOneInput(const char *p, unsigned long n) { return p == 0 && n > 0; }'
}

# check_chat COMMAND…: the C example, started so, through pipes. What one end of a
# pipe brings comes out at the other member, whole and in order, and then the
# sender leaves.
check_chat() {
  local url lines=5000
  rm -f "$scratch/keyboard"
  : >"$scratch/chat" # what the last one said is not to be read again
  mkfifo "$scratch/keyboard"
  exec 3<>"$scratch/keyboard"
  "$@" host lobby --serve 0 --loopback-only --ice "" <&3 >"$scratch/chat" 2>&1 &
  url="$(await_line $! "$scratch/chat" '\* signaling at ')"
  seq 1 "$lines" | "$@" join lobby --signaling "$url" --loopback-only --ice ""
  await_line $! "$scratch/chat" '\* 1 is gone'
  diff <(seq 1 "$lines") <(tr -d '\r' <"$scratch/chat" | sed -n 's/^<1> //p') | tail
  echo /quit >&3
  wait $!
}

passed=0
failed=0

# step NAME COMMAND…: runs a part of the tests, and prints its output if it fails.
# As a job, so that what it leaves running can be ended; and not as the condition
# of an "if", in which bash ignores set -e.
step() {
  local name="$1" began=$SECONDS job
  shift
  printf '%-36s' "$name"
  ("$@") >"$scratch/step" 2>&1 </dev/null &
  job=$!
  if wait "$job"; then
    passed=$((passed + 1))
    say "ok    $((SECONDS - began)) s"
  else
    failed=$((failed + 1))
    say "FAILED after $((SECONDS - began)) s"
    cat "$scratch/step"
    {
      say "== $name"
      essence <"$scratch/step"
    } >>"$scratch/failures"
  fi
  kill_job "$job"
}

# essence: of a failed step's output what tells why, for the end of a long log.
essence() {
  local all
  all="$(cat)"
  grep -E -A 12 '^ *--- FAIL|^panic:|^fatal error:|WARNING: DATA RACE' <<<"$all" | grep -vE '^ *--- PASS|^ *=== ' |
    cut -c 1-600 | sed -n 1,60p || tail -n 30 <<<"$all"
}

# step_of_tests NAME COMMAND…: a step that runs "go test -v", whose subtests count
# one by one.
step_of_tests() {
  local before=$failed all
  step "$@"
  all="$(grep -cE '^ +--- PASS: ' "$scratch/step" || true)"
  passed=$((passed + all))
  if [ "$failed" -gt "$before" ]; then
    failed=$((failed + $(grep -cE '^ +--- FAIL: ' "$scratch/step" || true)))
  fi
}

# go_tests: all but those of the Unity package, in which nothing of Go races. None from
# Go's cache of results, which does not know what else the tests build and run. Several
# packages mostly wait for networks, so that three at a time fill two cores.
go_tests() {
  local packages
  mapfile -t packages < <(go list ./... | grep -v '/internal/unitypackage$')
  go test -race -count=1 -p 3 -timeout 15m "${packages[@]}"
}

# test_core: for systems that Debian's tools are not on. The tests of the C boundary
# are Linux's.
test_core() {
  need_compilers
  make_scratch
  build_library
  go test -timeout 20m ./core/... ./signaling/... ./cmd/... ./internal/check/...
}

tests_project="internal/unitypackage/dotnet/UnityP2P.Tests.csproj"

# library_for_dotnet: this machine's library, in the spelling of its system.
library_for_dotnet() {
  if command -v cygpath >/dev/null; then
    cygpath -m "$root/$(library_path)"
  else
    say "$root/$(library_path)"
  fi
}

# test_dotnet: the C# tests by .NET, with this machine's library.
test_dotnet() {
  need dotnet "install the .NET SDK, 8 or newer"
  build_library
  dotnet test "$tests_project" --framework net8.0 -p:NativeLibrary="$(library_for_dotnet)"
}

# test_mono: the same by Mono, where it is not Debian's.
test_mono() {
  local runner
  need dotnet "install the .NET SDK, 8 or newer"
  need mono "install Mono, https://www.mono-project.com"
  build_library
  dotnet build "$tests_project" --framework net472 -p:NativeLibrary="$(library_for_dotnet)"
  runner="$(dotnet build "$tests_project" --framework net472 --no-restore -t:PrintRunner | sed -n 's/^ *runner: //p' | head -n 1)"
  mono "$runner" "$(compgen -G "build/dotnet/bin/Debug/net472/UnityP2P.Tests.dll")" --noresult
}

# fuzz TIMES: every fuzz target of the Go code, so many thousand inputs each. Not
# for some time: where that ends, Go sometimes calls its own deadline a failure.
fuzz() {
  local file target count
  while IFS=: read -r file target; do
    target="${target#func }"
    count=$(($1 * 1000))
    # One input makes a peer connection: hundreds a second, not ten thousands.
    [ "$target" != FuzzDescription ] || count=$(($1 * 4))
    go test -run '^$' -fuzz "^$target\$" -fuzztime "${count}x" -fuzzminimizetime 1x "./$(dirname "$file")"
  done < <(grep -rohE --include='*_test.go' -H '^func Fuzz[A-Za-z]+' cmd core signaling)
}

run_tests() {
  need_compilers
  make_scratch
  UNITYP2P_ALL_TESTS=1                     # what a test needs is there: none is skipped
  UNITYP2P_LIBRARY="$root/$(library_path)" # the one that is built here
  export UNITYP2P_ALL_TESTS UNITYP2P_LIBRARY
  step "tools" install_tools
  step "library" build_library
  step "library: size" check_size
  step "server" build_server
  step "chat" build_example chat
  lint
  step "chat through pipes" check_chat timeout 60 build/chat
  step "Go tests, race detector" go_tests
  step_of_tests "C# tests, Mono" go test -v -count=1 -timeout 15m ./internal/unitypackage
  step "Go fuzz targets" fuzz 50
  step "demo" "$root/build.sh" demo
  step "bench, one round of pings" bench --rounds 1 --only ping --json "$scratch/bench.json" --plot "$scratch/bench.svg"
  summary
}

# histories MINUTES: random histories. The race detector's memory only grows, so
# each process plays for a few minutes.
histories() {
  local end=$((SECONDS + $1 * 60))
  while [ "$SECONDS" -lt "$end" ]; do
    UNITYP2P_HISTORY=5m go test -race -count=1 -run TestRandomHistories -timeout 1h -v ./core
  done
}

# run_soak [MINUTES]: random histories for so long (an hour), then everything
# else that gets better with time.
run_soak() {
  need_compilers
  make_scratch
  export UNITYP2P_ALL_TESTS=1 UNITYP2P_SOAK=1 UNITYP2P_FUZZ=5m
  step "tools" install_tools
  step "random histories, ${1:-60} min" histories "${1:-60}"
  step "how fast players meet" go test -count=1 -timeout 1h -run HowFast -v ./internal/matrix
  step "rooms on bad networks, judged" go test -count=1 -timeout 1h -run 'Loss|Uplink|StayingIn' -v ./internal/stay
  step "random network events, ${1:-60} min" env UNITYP2P_STAY="${1:-60}m" \
    go test -count=1 -timeout 3h -run RandomNetworkEvents -v ./internal/stay
  step "hostile programs" go test -count=1 -timeout 1h -run 'Threads|LeaveNothing|Fuzzer|Twice|Fork' ./cexport/ctest
  step "Go fuzz targets, longer" fuzz 1000
  step "C# tests, Mono, 10 min of garbage" env UNITYP2P_GC_STRESS_MINUTES=10 \
    go test -count=1 -timeout 1h -run NUnit ./internal/unitypackage
  summary
}

summary() {
  [ ! -f "$scratch/failures" ] || cat "$scratch/failures"
  say "$passed passed, $failed failed"
  [ "$failed" -eq 0 ]
}
