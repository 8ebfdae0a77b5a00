# shellcheck shell=bash
# The library for every platform. Sourced by build.sh.
#
# What each target is built with, in this order: the toolchain of the platform's
# owner, if it is here; zig, where zig can (pinned in tools/toolchains.sh).

targets=(linux-x86_64 linux-arm64 windows-x86_64 windows-x86 windows-arm64 macos-universal
  android-arm64-v8a android-armeabi-v7a android-x86_64 ios-arm64 ios-simulator)

# target_file TARGET: where its library belongs, below unity/Plugins.
target_file() {
  case "$1" in
  linux-*) say "Linux/${1#*-}/libunityp2p.so" ;;
  windows-*) say "Windows/${1#*-}/unityp2p.dll" ;;
  macos-*) say "macOS/${1#*-}/libunityp2p.dylib" ;;
  android-*) say "Android/${1#*-}/libunityp2p.so" ;;
  ios-*) say "iOS/${1#*-}/libunityp2p.a" ;;
  esac
}

# target_arch TARGET: Go's name of its processor.
target_arch() {
  case "$1" in
  *-x86_64) say amd64 ;;
  *-x86) say 386 ;;
  *-armeabi-v7a) say arm ;;
  *) say arm64 ;;
  esac
}

# target_cc TARGET: its C compiler. Fails, and says what to install, if it is not
# here.
target_cc() {
  case "$1" in
  linux-x86_64) zig_cc x86_64-linux-gnu.2.17 ;;
  linux-arm64) zig_cc aarch64-linux-gnu.2.17 ;;
  windows-x86_64) first_of x86_64-w64-mingw32-gcc || zig_cc x86_64-windows-gnu ;;
  windows-x86) first_of i686-w64-mingw32-gcc || zig_cc x86-windows-gnu ;;
  windows-arm64) first_of aarch64-w64-mingw32-gcc aarch64-w64-mingw32-clang || zig_cc aarch64-windows-gnu ;;
  macos-arm64) apple_cc macosx arm64-apple-macos11.0 || standin_macos_cc arm64 ;;
  macos-x86_64) apple_cc macosx x86_64-apple-macos11.0 || standin_macos_cc x86_64 ;;
  android-arm64-v8a) ndk_cc aarch64-linux-android21 ;;
  android-armeabi-v7a) ndk_cc armv7a-linux-androideabi21 ;;
  android-x86_64) ndk_cc x86_64-linux-android21 ;;
  ios-arm64) apple_cc iphoneos arm64-apple-ios12.0 || missing "Xcode, on a Mac" ;;
  ios-simulator) apple_cc iphonesimulator arm64-apple-ios14.0-simulator || missing "Xcode, on a Mac" ;;
  esac
}

# target_link TARGET CC: flags for its linker. Only P2P_ functions leave the library,
# and it stays loaded: Go cannot be unloaded. The script in quotes of its own, because
# the path may have spaces.
target_link() {
  local elf="\"-Wl,--version-script=$root/cexport/exports.map\" -Wl,-z,nodelete -Wl,-soname,libunityp2p.so"
  case "$1" in
  linux-*) say "$elf" ;;
  android-*) say "$elf -Wl,-z,max-page-size=16384 -llog" ;;
  macos-*) say "-Wl,-exported_symbol,_P2P_* -Wl,-install_name,@rpath/libunityp2p.dylib" ;;
  windows-*) [[ "$2" != *mingw32-gcc ]] || say "-Wl,--no-insert-timestamp" ;; # zig's linker writes none
  esac
}

# target_go TARGET OUT CC LDFLAGS: one run of Go's build for a target. The ID says which
# symbols belong to which library; it is ours, because Go's depends on where the
# compiler is.
target_go() {
  local os="${1%%-*}" mode=c-shared more="" debug="-g"
  case "$os" in
  macos) os=darwin ;;
  ios)
    mode=c-archive
    more="-extar $(first_of llvm-ar llvm-ar-14 || say ar)" # GNU's cannot index Mach-O
    [[ "$4" != -s* ]] || debug=""                          # no linker strips an archive
    ;;
  android) more=-checklinkname=0 ;; # wlynxg/anet reaches into package net
  esac
  mkdir -p "$(dirname "$2")"
  GOOS="$os" GOARCH="$(target_arch "$1")" GOARM=7 CC="$3" CGO_ENABLED=1 CGO_CFLAGS="$debug -O2" \
    go build -trimpath -buildvcs=false -buildmode="$mode" -tags "$library_tags" \
    -ldflags "-buildid=$identity/$1 -X main.identity=$identity $4 $more -extldflags '$(target_link "$1" "$3")'" \
    -o "$2" ./cexport && rm -f "${2%.*}.h" || return 1
  # zig leaves these where Go looks what a compiler can do.
  rm -f ./-.o cexport/cgo-gcc-input-*.o
}

# build_one TARGET OUT: the stripped library, and its twin with symbols.
build_one() {
  local cc symbols="build/symbols/$1/${2##*/}" all=""
  rm -f "$2" "$symbols" # what fails leaves nothing old behind
  cc="$(target_cc "$1")" || return 1
  case "$1" in
  macos-*) all="-w" ;; # for DWARF Go would call Xcode's dsymutil
  esac
  target_go "$1" "$symbols" "$cc" "$all" &&
    target_go "$1" "$2" "$cc" "-s -w" || return 1
  case "$1" in
  linux-*) strip_symbols "$2" --strip-all ;;
  macos-*) [[ "$cc" != clang* ]] || strip_symbols "$2" --discard-all ;; # LLVM's linker does not; signs anew
  windows-*) finish_windows "$1" "$2" ;;
  esac
}

# strip_symbols FILE HOW: of those that Go's linker asked them to strip, zig and LLVM's
# linker leave some.
strip_symbols() {
  local strip
  strip="$(first_of llvm-strip llvm-strip-14)" || missing "llvm: ./build.sh deps" || return 1
  "$strip" "$2" "$1"
}

# finish_windows TARGET DLL: no export of Go's own, and an import library for MSVC
# in build/import.
finish_windows() {
  local tool machine=arm64 import="build/import/$1"
  case "$1" in
  *-x86_64) machine=i386:x86-64 ;;
  *-x86) machine=i386 ;;
  esac
  tool="$(first_of llvm-dlltool llvm-dlltool-14)" || missing "llvm: ./build.sh deps" || return 1
  mkdir -p "$import"
  strip_symbols "$2" --strip-all &&
    go run ./internal/check trim "$2" &&
    go run ./internal/check def >"$import/unityp2p.def" &&
    "$tool" -m "$machine" -D unityp2p.dll -d "$import/unityp2p.def" -l "$import/unityp2p.lib"
}

# build_target TARGET: its library in unity/Plugins.
build_target() {
  local out
  out="unity/Plugins/$(target_file "$1")"
  if [ "$1" = macos-universal ]; then
    build_macos "$out" || return 1
  else
    build_one "$1" "$out" || return 1
  fi
  say "$1: $out, $(wc -c <"$out") bytes"
}

# build_macos OUT: both processors' in one file.
build_macos() {
  local lipo
  rm -f "$1"
  lipo="$(first_of lipo llvm-lipo llvm-lipo-14)" || missing "Xcode on a Mac, or llvm: ./build.sh deps" || return 1
  build_one macos-arm64 build/macos/arm64/libunityp2p.dylib &&
    build_one macos-x86_64 build/macos/x86_64/libunityp2p.dylib || return 1
  mkdir -p "$(dirname "$1")"
  "$lipo" -create build/macos/arm64/libunityp2p.dylib build/macos/x86_64/libunityp2p.dylib -output "$1" || return 1
  rm -rf unity/Plugins/macOS/arm64* unity/Plugins/macOS/x86_64* # Unity takes one of a name
}

# build_targets TARGET…|all: each of them, whatever becomes of the others; one that
# fails is an error at the end. So is one whose toolchain is missing, unless it was
# "all".
build_targets() {
  local target reason wanted=("$@") failed=""
  need go "install Go from https://go.dev/dl"
  [ "$1" != all ] || wanted=("${targets[@]}")
  for target in "${wanted[@]}"; do
    [[ " ${targets[*]} " = *" $target "* ]] || die "unknown target $target; the targets are: ${targets[*]}"
  done
  for target in "${wanted[@]}"; do
    if reason="$(build_target "$target" 2>&1)"; then
      say "$reason"
      continue
    fi
    say "$target: $reason"
    [ "$1" = all ] && [ "${reason#not here: }" != "$reason" ] || failed="$failed $target"
  done
  [ ! -d unity/Plugins ] || go run ./internal/plugins unity/Plugins
  [ -z "$failed" ] || die "not built:$failed"
}

# check_libraries DIR [BUILD]: what every library there must be, and what belongs to
# them in BUILD; and those for iOS link into an app.
check_libraries() {
  local archive cc
  go run ./internal/check files "$@"
  make_scratch
  for archive in "$1"/iOS/arm64/*.a; do
    [ -f "$archive" ] || continue
    cc="$(target_cc ios-arm64 2>/dev/null || standin_ios_cc)" || return 1
    link_ios "$archive" examples/c/member.c "$scratch/app" "$cc"
    say "iOS/arm64 links into an app"
  done
}
