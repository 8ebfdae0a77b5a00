#!/usr/bin/env bash
# Builds and tests everything. "./build.sh help" lists what it does.
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
cd "$root"

version="$(sed -n 's/^## \[\([0-9][^]]*\)\].*/\1/p' CHANGELOG.md | head -n 1)"
library_limit=$((14 * 1024 * 1024))
staticcheck="honnef.co/go/tools/cmd/staticcheck@v0.8.2"

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
  lint      the linters alone
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
    Linux) say "-Wl,--version-script=$root/cexport/exports.map -Wl,-z,nodelete -Wl,-soname,libunityp2p.so" ;;
    Darwin) say "-Wl,-exported_symbol,_P2P_* -Wl,-install_name,@rpath/libunityp2p.dylib" ;;
    *) say "" ;;
  esac
}

build_library() {
  need go "install Go from https://go.dev/dl"
  need gcc "install a C compiler (Debian: apt-get install gcc)"
  local out
  out="$(library_path)"
  say "building $out"
  mkdir -p "$(dirname "$out")"
  CGO_ENABLED=1 go build -trimpath -buildmode=c-shared \
    -ldflags "$(link_flags) -extldflags '$(linker_flags)'" -o "$out" ./cexport
  rm -f "${out%.*}.h"
  say "built $out, $(wc -c <"$out") bytes"
}

build_server() {
  say "building build/unityp2p"
  mkdir -p build
  CGO_ENABLED=0 go build -trimpath -ldflags "$(link_flags)" -o build/unityp2p ./cmd/unityp2p
}

# build_example NAME: a C example, which finds the library where it was built.
build_example() {
  local library
  library="$(library_path)"
  [ -f "$library" ] || build_library
  say "building build/$1"
  mkdir -p build
  "${CC:-gcc}" -std=gnu11 -O2 -Wall -Wextra -Werror -Iinclude "examples/c/$1.c" \
    -L"$(dirname "$library")" -lunityp2p -lpthread \
    -Wl,-rpath,"$root/$(dirname "$library")" -o "build/$1"
}

# ----------------------------------------------------------------------- demo

demo_dir=""
demo_pids=()

end_demo() {
  local pid
  for pid in "${demo_pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  [ -z "$demo_dir" ] || rm -rf "$demo_dir"
}

# await_line FILE PATTERN: prints what follows PATTERN once the file has it.
await_line() {
  local deadline=$((SECONDS + 20)) found
  while :; do
    found="$(sed -n "s/^$2//p" "$1" | head -n 1)"
    [ -z "$found" ] || break
    [ "$SECONDS" -lt "$deadline" ] || die "the signaling server did not start: $(cat "$1")"
    sleep 0.05
  done
  say "$found"
}

demo() {
  local count=4 i role url pair failed=0
  build_library
  build_server
  build_example member
  demo_dir="$(mktemp -d)"
  trap end_demo EXIT
  build/unityp2p serve -addr 127.0.0.1:0 >"$demo_dir/server" 2>&1 &
  demo_pids+=($!)
  url="$(await_line "$demo_dir/server" "signaling: listening on ")"
  say "signaling server at $url"
  local members=()
  for ((i = 0; i < count; i++)); do
    role="join"
    [ "$i" -gt 0 ] || role="host"
    build/member "$role" demo "$url" "$i" "$count" >"$demo_dir/$i" 2>"$demo_dir/$i.log" &
    members+=($!)
    demo_pids+=($!)
  done
  say "one host and $((count - 1)) clients started, each in a process of its own"
  for ((i = 0; i < count; i++)); do
    if ! wait "${members[$i]}"; then
      failed=1
      say "member $i failed:"
      cat "$demo_dir/$i.log"
    fi
  done
  printf '\n%-6s %-6s %-7s %-14s %-22s %-22s %s\n' from to path connected-in local remote 'unreliable tries'
  for ((i = 0; i < count; i++)); do
    while read -r pair a b path ms local remote tries; do
      [ "$pair" = pair ] || continue
      printf '%-6s %-6s %-7s %-14s %-22s %-22s %s\n' "$(member_name "$a")" "$(member_name "$b")" \
        "$path" "$ms ms" "$local" "$remote" "$tries"
    done <"$demo_dir/$i"
  done
  local talked all=$((count * (count - 1)))
  talked="$(cat "$demo_dir"/[0-9] | grep -cE '^pair [0-9]+ [0-9]+ (host|srflx|prflx) ' || true)"
  say ""
  say "demo: $talked of $all directed pairs talked directly"
  [ "$failed" -eq 0 ] && [ "$talked" -eq "$all" ]
}

member_name() {
  if [ "$1" -eq 0 ]; then say host; else say "client$1"; fi
}

# ---------------------------------------------------------------------- tests

scripts() { git ls-files --cached --others --exclude-standard '*.sh' .ci/run; }

# install_tools: what the tests need beyond Go and gcc.
install_tools() {
  local missing=() tool
  for tool in shellcheck shfmt clang; do
    command -v "$tool" >/dev/null || missing+=("$tool")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    die "missing: ${missing[*]}. Install them with your system's package manager, then run this again."
  fi
  say "installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

check_scripts() {
  local list
  mapfile -t list < <(scripts)
  shellcheck "${list[@]}"
  shfmt -i 2 -ci -d "${list[@]}"
}

check_format() {
  local wrong
  wrong="$(gofmt -l .)"
  [ -z "$wrong" ] || die "not formatted by gofmt: $wrong"
}

check_go() {
  go vet ./...
  go run "$staticcheck" ./...
}

check_examples() {
  local cc file
  for cc in gcc clang; do
    for file in examples/c/*.c; do
      "$cc" -std=gnu11 -O2 -Wall -Wextra -Werror -Iinclude -fsyntax-only "$file"
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
  local fresh
  fresh="$(mktemp)"
  go run ./internal/notices >"$fresh"
  if ! diff -u THIRD-PARTY-NOTICES "$fresh"; then
    rm -f "$fresh"
    die "THIRD-PARTY-NOTICES is out of date: run ./build.sh notices"
  fi
  rm -f "$fresh"
}

passed=0
failed=0

# step NAME COMMAND…: runs a part of the tests, and prints its output if it fails.
step() {
  local name="$1" log began=$SECONDS
  shift
  log="$(mktemp)"
  printf '%-36s' "$name"
  if ("$@") >"$log" 2>&1; then
    passed=$((passed + 1))
    say "ok    $((SECONDS - began)) s"
  else
    failed=$((failed + 1))
    say "FAILED after $((SECONDS - began)) s"
    cat "$log"
  fi
  rm -f "$log"
}

lint() {
  step "scripts: shellcheck, shfmt" check_scripts
  step "Go: format" check_format
  step "Go: vet, staticcheck" check_go
  step "C examples and header: gcc, clang" check_examples
  step "third-party notices" check_notices
}

run_tests() {
  need go "install Go from https://go.dev/dl"
  need gcc "install a C compiler (Debian: apt-get install gcc)"
  install_tools
  step "library" build_library
  step "library: size" check_size
  step "server" build_server
  step "chat" build_example chat
  lint
  step "Go tests, race detector" go test -race -timeout 9m ./...
  step "demo" "$root/build.sh" demo
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
  lint)
    install_tools
    lint
    summary
    ;;
  server) build_server ;;
  chat) build_example chat ;;
  notices) go run ./internal/notices >THIRD-PARTY-NOTICES ;;
  clean) rm -rf build unity/Plugins ;;
  help | -h | --help) usage ;;
  *)
    usage >&2
    die "unknown command: $1"
    ;;
esac
