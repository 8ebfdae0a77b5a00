#!/usr/bin/env bash
# Builds and tests everything. "./build.sh help" lists what it does.
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
cd "$root"

version="$(sed -n '/^## \[\([0-9][^]]*\)\].*/{s//\1/p;q;}' CHANGELOG.md)"
library_limit=$((14 * 1024 * 1024))
# The linters, pinned here and nowhere else.
staticcheck="honnef.co/go/tools/cmd/staticcheck@v0.8.2"
errcheck="github.com/kisielk/errcheck@v1.9.0"
actionlint="github.com/rhysd/actionlint/cmd/actionlint@v1.7.12"

say() { printf '%s\n' "$*"; }
die() {
  printf 'build.sh: %s\n' "$*" >&2
  exit 1
}

usage() {
  cat <<'TEXT'
usage: ./build.sh [COMMAND]

  (none)    build this platform's library into unity/Plugins
  demo      a room of four processes, shown as a table
  test      install what the tests need, and run all of them
  test-soak [MINUTES]
            random histories for an hour, or so long, and longer hostile tests
  lint      the linters alone
  bench     measure against pion/webrtc: [--json FILE] [--plot FILE] [--rounds N]
  server    build the signaling server: build/unityp2p
  chat      build the C example: build/chat
  notices   write THIRD-PARTY-NOTICES anew
  clean     remove what was built
  help      this text
TEXT
}

# need TOOL HINT: stops with a sentence if a tool is missing.
need() {
  command -v "$1" >/dev/null || die "$1 is missing: $2"
}

need_compilers() {
  need go "install Go from https://go.dev/dl"
  need "${CC:-gcc}" "install a C compiler (Debian: apt-get install gcc libc6-dev; macOS: xcode-select --install; Windows: MSYS2's mingw-w64-x86_64-gcc)"
}

# ------------------------------------------------------------------- building

commit() { git rev-parse --short HEAD 2>/dev/null || true; }

link_flags() {
  printf '%s' "-s -w -X main.version=$version -X main.commit=$(commit)"
}

# Where this platform's library belongs.
library_path() {
  local arch
  case "$(uname -m)" in
  x86_64 | amd64) arch=x86_64 ;;
  aarch64 | arm64) arch=arm64 ;;
  *) die "no target for the processor $(uname -m) yet" ;;
  esac
  case "$(uname -s)" in
  Linux) say "unity/Plugins/Linux/$arch/libunityp2p.so" ;;
  Darwin) say "unity/Plugins/macOS/$arch/libunityp2p.dylib" ;;
  MINGW* | MSYS*) say "unity/Plugins/Windows/$arch/unityp2p.dll" ;;
  *) die "no target for the system $(uname -s) yet" ;;
  esac
}

# Only P2P_ functions leave the library, and it stays loaded: Go cannot be
# unloaded.
linker_flags() {
  case "$(uname -s)" in
  # In quotes of its own, because the path may have spaces.
  Linux) say "\"-Wl,--version-script=$root/cexport/exports.map\" -Wl,-z,nodelete -Wl,-soname,libunityp2p.so" ;;
  Darwin) say "-Wl,-exported_symbol,_P2P_* -Wl,-install_name,@rpath/libunityp2p.dylib" ;;
  *) say "" ;;
  esac
}

build_library() {
  need_compilers
  local out
  out="$(library_path)"
  say "building $out"
  build_library_to "$out"
  go run ./internal/plugins unity/Plugins
  say "built $out, $(wc -c <"$out") bytes"
}

# build_library_to FILE [TAGS]: see linker_flags.
build_library_to() {
  mkdir -p "$(dirname "$1")"
  CGO_ENABLED=1 go build -trimpath -buildvcs=false -buildmode=c-shared -tags "${2:-}" \
    -ldflags "$(link_flags) -extldflags '$(linker_flags)'" -o "$1" ./cexport
  rm -f "${1%.*}.h"
}

build_server() {
  need go "install Go from https://go.dev/dl"
  say "building build/unityp2p"
  mkdir -p build
  CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "$(link_flags)" -o build/unityp2p ./cmd/unityp2p
}

# build_example NAME: one of the C examples.
build_example() {
  [ -f "$(library_path)" ] || build_library
  build_program "examples/c/$1.c" "build/$1"
}

# build_program SOURCE OUT: a C program, which finds the library where it was
# built.
build_program() {
  local library
  library="$(library_path)"
  say "building $2"
  mkdir -p "$(dirname "$2")"
  "${CC:-gcc}" -std=c11 -O2 -Wall -Wextra -Werror -Iinclude "$1" \
    -L"$(dirname "$library")" -lunityp2p -lpthread \
    -Wl,-rpath,"$root/$(dirname "$library")" -o "$2"
}

# ----------------------------------------------------------------- processes

scratch=""

# make_scratch: from here on there is a folder for scratch files, and whatever
# ends this script, the processes that it started and that folder go with it.
make_scratch() {
  set -m # each job is a process group: what it starts ends with it
  trap end EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  scratch="$(mktemp -d)"
  export GOTMPDIR="$scratch"
}

end() {
  local pid
  exec 2>/dev/null # bash would tell of each
  for pid in $(jobs -p); do kill_job "$pid"; done
  wait || true
  rm -rf "$scratch"
}

kill_job() { kill -- "-$1" 2>/dev/null || true; }

# await_line PID FILE PATTERN: prints what follows PATTERN once process PID has
# written it to FILE.
await_line() {
  local deadline=$((SECONDS + 20)) found
  while :; do
    found="$(sed -n "/^$3/{s///p;q;}" "$2")"
    [ -z "$found" ] || break
    if ! kill -0 "$1" 2>/dev/null || [ "$SECONDS" -ge "$deadline" ]; then
      die "waited for \"$3\" and got: $(cat "$2")"
    fi
    sleep 0.05
  done
  say "$found"
}

# ----------------------------------------------------------------------- demo

demo() {
  local count=4 i role url failed=0
  build_library
  build_server
  build_example member
  make_scratch
  build/unityp2p serve -addr 127.0.0.1:0 >"$scratch/server" 2>&1 &
  url="$(await_line $! "$scratch/server" "signaling: listening on ")"
  say "signaling server at $url"
  local members=()
  for ((i = 0; i < count; i++)); do
    role="join"
    [ "$i" -gt 0 ] || role="host"
    build/member "$role" demo --signaling "$url" --index "$i" --of "$count" >"$scratch/$i" 2>"$scratch/$i.log" &
    members+=($!)
  done
  say "one host and $((count - 1)) clients started, each in a process of its own"
  for ((i = 0; i < count; i++)); do
    if ! wait "${members[$i]}"; then
      failed=1
      say "member $i failed:"
      cat "$scratch/$i.log"
    fi
  done
  show_pairs "$count"
  local talked all=$((count * (count - 1)))
  talked="$(cat "$scratch"/[0-9] | grep -cE '^pair [0-9]+ [0-9]+ (host|srflx|prflx) ' || true)"
  say ""
  say "demo: $talked of $all directed pairs talked directly"
  [ "$failed" -eq 0 ] && [ "$talked" -eq "$all" ]
}

# show_pairs COUNT: who talked to whom, as a table.
show_pairs() {
  local row='%-8s %-8s %-6s %-13s %-22s %-22s %s\n' i pair a b path ms mine theirs tries
  say ""
  # shellcheck disable=SC2059 # the format is ours
  printf "$row" from to path 'connected in' 'local address' 'remote address' 'unreliable tries'
  for ((i = 0; i < $1; i++)); do
    while read -r pair a b path ms mine theirs tries; do
      [ "$pair" = pair ] || continue
      # shellcheck disable=SC2059
      printf "$row" "$(member_name "$a")" "$(member_name "$b")" "$path" "$ms ms" "$mine" "$theirs" "$tries"
    done <"$scratch/$i"
  done
}

member_name() {
  if [ "$1" -eq 0 ]; then say host; else say "client$1"; fi
}

# ----------------------------------------------------------------- benchmark

# bench [--json FILE] [--plot FILE] [--rounds N]
bench() {
  build_library
  say "building build/bench"
  build_library_to build/bench/stock/libunityp2p.so stock_buffers
  go build -trimpath -o build/bench/raw ./internal/bench/raw
  go build -trimpath -o build/bench/bench ./internal/bench
  build_program internal/bench/ours/ours.c build/bench/ours
  build/bench/bench -ours build/bench/ours -raw build/bench/raw \
    -library "$(library_path)" -stock build/bench/stock "$@"
}

# ---------------------------------------------------------------------- tests

# install_tools: what the tests need beyond Go and gcc.
install_tools() {
  local missing="" tool
  for tool in shellcheck shfmt clang chromium nunit-console; do
    command -v "$tool" >/dev/null || missing="$missing $tool"
  done
  command -v mcs >/dev/null || missing="$missing mono-mcs"
  command -v mono-boehm >/dev/null || missing="$missing mono-runtime-boehm"
  [ -d /usr/lib/cli/nunit.framework-2.6.3 ] || missing="$missing libnunit-cil-dev"
  fuzzer_runtime || missing="$missing libclang-rt-dev"
  [ -n "$missing" ] || return 0
  if ! command -v apt-get >/dev/null; then
    die "missing:$missing. On macOS: brew install shellcheck shfmt (clang comes with Xcode). Elsewhere: your system's package manager has them."
  fi
  [ "$(id -u)" -eq 0 ] || die "missing:$missing. Run as root: apt-get install$missing"
  say "installing$missing"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  # shellcheck disable=SC2086 # one word each
  apt-get install -y -qq --no-install-recommends $missing >/dev/null
}

# fuzzer_runtime: whether clang can link a fuzzer.
fuzzer_runtime() {
  clang -fsanitize=fuzzer -x c -o /dev/null - 2>/dev/null \
    <<<'int LLVMFuzzerTestOneInput(const char *p, unsigned long n) { return p == 0 && n > 0; }'
}

check_scripts() {
  local list=() file
  while IFS= read -r file; do
    list+=("$file")
  done < <(find . \( -name .git -o -path ./build -o -path ./unity/Plugins \) -prune -o \
    -type f \( -name '*.sh' -o -path ./.ci/run \) -print)
  shellcheck "${list[@]}"
  shfmt -d "${list[@]}" # the style is in .editorconfig
}

# check_files: what is built is not in git.
check_files() {
  local file wrong=""
  while IFS= read -r -d '' file; do
    case "$(head -c 4 "$file" | od -An -tx1 | tr -d ' \n')" in
    7f454c46 | 4d5a* | cffaedfe | cafebabe | 213c6172 | 0061736d) wrong="$wrong $file" ;;
    esac
  done < <(git ls-files -z)
  [ -z "$wrong" ] || die "built files in git:$wrong"
}

check_workflows() {
  go run "$actionlint" .github/workflows/*.yml
}

check_format() {
  local wrong
  wrong="$(gofmt -l .)"
  [ -z "$wrong" ] || die "not formatted by gofmt: $wrong"
}

check_go() {
  go vet ./...
  go run "$staticcheck" ./...
  # Deferred closes, and text for a person, have nobody to tell of an error.
  go run "$errcheck" -ignoretests -exclude internal/lint/errcheck.txt ./...
}

check_examples() {
  local cc file
  for cc in gcc clang; do
    for file in examples/c/*.c; do
      "$cc" -std=c11 -O2 -Wall -Wextra -Werror -Iinclude -fsyntax-only "$file"
    done
    "$cc" -std=c99 -Wall -Wextra -Wpedantic -Werror -fsyntax-only -x c include/p2p.h
    "$cc" -std=c++11 -Wall -Wextra -Wpedantic -Werror -fsyntax-only -x c++ include/p2p.h
  done
}

check_size() {
  local file size
  file="$(library_path)"
  size="$(wc -c <"$file")"
  say "$file has $size bytes; $library_limit are allowed"
  [ "$size" -le "$library_limit" ]
}

check_notices() {
  go run ./internal/notices >"$scratch/notices"
  diff -u THIRD-PARTY-NOTICES "$scratch/notices" ||
    die "THIRD-PARTY-NOTICES is out of date: run ./build.sh notices"
}

write_notices() {
  make_scratch
  go run ./internal/notices >"$scratch/notices"
  cp "$scratch/notices" THIRD-PARTY-NOTICES
  cp "$scratch/notices" unity/THIRD-PARTY-NOTICES.md
}

# check_chat: the C example through pipes. What one end of a pipe brings comes
# out at the other member, whole and in order, and then the sender leaves.
check_chat() {
  local url lines=5000
  mkfifo "$scratch/keyboard"
  exec 3<>"$scratch/keyboard"
  build/chat host lobby --serve 0 --loopback-only --ice "" <&3 >"$scratch/chat" 2>&1 &
  url="$(await_line $! "$scratch/chat" '\* signaling at ')"
  seq 1 "$lines" | timeout 60 build/chat join lobby --signaling "$url" --loopback-only --ice ""
  await_line $! "$scratch/chat" '\* 1 is gone'
  diff <(seq 1 "$lines") <(sed -n 's/^<1> //p' "$scratch/chat") | tail
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
  fi
  kill_job "$job"
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

# go_tests: all but those of the Unity package, in which nothing of Go races.
go_tests() {
  local packages
  mapfile -t packages < <(go list ./... | grep -v '/internal/unitypackage$')
  go test -race -timeout 10m "${packages[@]}"
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
  done < <(grep -rohE --include='*_test.go' -H '^func Fuzz[A-Za-z]+' core signaling)
}

lint() {
  step "scripts: shellcheck, shfmt" check_scripts
  step "files in git" check_files
  step "workflows: actionlint" check_workflows
  step "Go: format" check_format
  step "Go: vet, staticcheck, errcheck" check_go
  step "C examples and header: gcc, clang" check_examples
  step "third-party notices" check_notices
}

run_tests() {
  need_compilers
  make_scratch
  export UNITYP2P_ALL_TESTS=1 # what a test needs is there: none is skipped
  step "tools" install_tools
  step "library" build_library
  step "library: size" check_size
  step "server" build_server
  step "chat" build_example chat
  lint
  step "chat through pipes" check_chat
  step "Go tests, race detector" go_tests
  step_of_tests "C# tests, Mono" go test -v -timeout 15m ./internal/unitypackage
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
  step "hostile programs" go test -timeout 1h -run 'Threads|LeaveNothing|Fuzzer|Twice|Fork' ./cexport/ctest
  step "Go fuzz targets, longer" fuzz 1000
  step "C# tests, Mono, 10 min of garbage" env UNITYP2P_GC_STRESS_MINUTES=10 \
    go test -timeout 1h -run NUnit ./internal/unitypackage
  summary
}

summary() {
  say "$passed passed, $failed failed"
  [ "$failed" -eq 0 ]
}

case "${1:-library}" in
library) build_library ;;
demo) demo ;;
test) run_tests ;;
test-soak) run_soak "${2:-}" ;;
lint)
  make_scratch
  step "tools" install_tools
  lint
  summary
  ;;
server) build_server ;;
chat) build_example chat ;;
notices) write_notices ;;
bench)
  shift
  bench "$@"
  ;;
clean) rm -rf build unity/Plugins unity/Plugins.meta ;;
help | -h | --help) usage ;;
*)
  usage >&2
  die "unknown command: $1"
  ;;
esac
