#!/usr/bin/env bash
# Builds and tests everything. "./build.sh help" lists what it does.
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
cd "$root"

version="$(sed -n '/^## \[\([0-9][^]]*\)\].*/{s//\1/p;q;}' CHANGELOG.md)"
# This commit's name, as long on every machine, and whether the files are others than
# its own. Nothing without git.
commit="$(git describe --always --dirty --exclude '*' --abbrev=12 2>/dev/null || true)"
# What a library says of itself; internal/check looks for it.
identity="unityp2p/$version/$commit"
library_limit=$((14 * 1024 * 1024))
# WebSockets need no HTTP/2: 0.4 MB less, and 0.6 MB of the server.
library_tags="nethttpomithttp2"
# The linters, pinned here and nowhere else.
staticcheck="honnef.co/go/tools/cmd/staticcheck@v0.8.2"
errcheck="github.com/kisielk/errcheck@v1.9.0"
actionlint="github.com/rhysd/actionlint/cmd/actionlint@v1.7.12"
govulncheck="golang.org/x/vuln/cmd/govulncheck@v1.9.0"

say() { printf '%s\n' "$*"; }
die() {
  printf 'build.sh: %s\n' "$*" >&2
  exit 1
}

usage() {
  cat <<'TEXT'
usage: ./build.sh [COMMAND]

  (none)    build this platform's library into unity/Plugins
  TARGET…   build these libraries into unity/Plugins: linux-x86_64 linux-arm64
            windows-x86_64 windows-x86 windows-arm64 macos-universal
            android-arm64-v8a android-armeabi-v7a android-x86_64
            ios-arm64 ios-simulator
  all       all of them that can be built on this machine
  deps      install what building and running them needs
  check     look at every library in unity/Plugins: exports, needs, size
  sizes     what code is in them, by package
  package   what a release consists of, from them: build/release
  publish   release it, by gh, and push the branch that Unity installs
  sign-macos
            sign and notarise the library for macOS, with the owner's identity
  demo      a room of four processes, shown as a table
  test      install what the tests need, and run all of them
  test-soak [MINUTES]
            random histories for an hour, or so long, longer hostile tests, strict times
  test-platforms
            build what this machine can, look at it, run it by qemu and wine
  test-core the Go tests, and the C programs around this machine's library
  test-dotnet, test-mono
            the C# tests by .NET, by Mono
  install-android, start-android, test-android
            the NDK and an emulator; the emulator; the C programs on it
  test-ios  the C programs in the simulator of iOS
  install-mono, unity-licence
            what else the workflows need: Mono on a Mac or Windows; a word if the
            editor's licence is missing
  lint      the linters alone
  vulnerabilities
            ask vuln.go.dev whether what is linked has known ones
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

# shellcheck source=tools/processes.sh
source "$root/tools/processes.sh"
# shellcheck source=tools/toolchains.sh
source "$root/tools/toolchains.sh"
# shellcheck source=tools/standins.sh
source "$root/tools/standins.sh"
# shellcheck source=tools/library.sh
source "$root/tools/library.sh"
# shellcheck source=tools/targets.sh
source "$root/tools/targets.sh"
# shellcheck source=tools/platforms.sh
source "$root/tools/platforms.sh"
# shellcheck source=tools/devices.sh
source "$root/tools/devices.sh"
# shellcheck source=tools/release.sh
source "$root/tools/release.sh"
# shellcheck source=tools/demo.sh
source "$root/tools/demo.sh"
# shellcheck source=tools/bench.sh
source "$root/tools/bench.sh"
# shellcheck source=tools/lint.sh
source "$root/tools/lint.sh"
# shellcheck source=tools/tests.sh
source "$root/tools/tests.sh"

# In a function, which bash has read as a whole: it reads the rest of a file as it goes
# on, and the file may change in a long run.
main() {
  case "${1:-library}" in
  library) build_library ;;
  all | linux-* | windows-* | macos-* | android-* | ios-*) build_targets "$@" ;;
  deps) install_toolchains ;;
  check) check_libraries unity/Plugins build ;;
  sizes) go run ./internal/check sizes unity/Plugins ;;
  package) package ;;
  publish) publish ;;
  sign-macos) sign_macos ;;
  demo) demo ;;
  test) run_tests ;;
  test-soak) run_soak "${2:-}" ;;
  test-platforms) test_platforms ;;
  test-core) test_core ;;
  test-dotnet) test_dotnet ;;
  test-mono) test_mono ;;
  install-android) install_android ;;
  start-android) start_android ;;
  test-android) test_android ;;
  test-ios) test_ios ;;
  install-mono) install_mono ;;
  unity-licence) unity_licence ;;
  lint)
    make_scratch
    step "tools" install_tools
    lint
    summary
    ;;
  vulnerabilities) check_vulnerabilities ;;
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
}

main "$@"
exit
