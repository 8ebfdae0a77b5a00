# shellcheck shell=bash
# The library of this platform, and programs around it. Sourced by build.sh.

# target_here: this platform's target, as build_targets names them.
target_here() {
  local arch
  case "$(uname -m)" in
  x86_64 | amd64) arch=x86_64 ;;
  aarch64 | arm64) arch=arm64 ;;
  *) die "no target for the processor $(uname -m) yet" ;;
  esac
  case "$(uname -s)" in
  Linux) say "linux-$arch" ;;
  Darwin) say "macos-$arch" ;;
  MINGW* | MSYS*) say "windows-$arch" ;;
  *) die "no target for the system $(uname -s) yet" ;;
  esac
}

# Where this platform's library belongs.
library_path() { say "unity/Plugins/$(target_file "$(target_here)")"; }

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
  rm -rf "build/symbols/$(target_here)" # those are of another
  case "$out" in
  */macOS/*) rm -rf unity/Plugins/macOS/universal* ;; # Unity takes one of a name
  esac
  go run ./internal/plugins unity/Plugins
  say "built $out, $(wc -c <"$out") bytes"
}

# build_library_to FILE [TAGS]: see linker_flags.
build_library_to() {
  mkdir -p "$(dirname "$1")"
  CGO_ENABLED=1 go build -trimpath -buildvcs=false -buildmode=c-shared -tags "$library_tags,${2:-}" \
    -ldflags "-s -w -X main.identity=$identity -extldflags '$(linker_flags)'" -o "$1" ./cexport
  rm -f "${1%.*}.h"
}

build_server() {
  need go "install Go from https://go.dev/dl"
  say "building build/unityp2p"
  mkdir -p build
  build_server_to build/unityp2p
}

# build_server_to FILE
build_server_to() {
  CGO_ENABLED=0 go build -trimpath -buildvcs=false -tags "$library_tags" \
    -ldflags "-s -w -X main.version=$version -X main.commit=$commit" -o "$1" ./cmd/unityp2p
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
  case "$(uname -s)" in
  MINGW* | MSYS*) cp "$library" "$(dirname "$2")/" ;; # where Windows looks for it
  esac
}
