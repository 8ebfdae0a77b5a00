# shellcheck shell=bash
# Libraries of other platforms, run here: arm64 under qemu, Windows under wine.
# Sourced by build.sh.

# platform_cc PLATFORM: compiles a program for it, as gcc would.
platform_cc() {
  local platform="$1"
  shift
  case "$platform" in
  linux-x86_64) gcc "$@" ;;
  linux-arm64) aarch64-linux-gnu-gcc "$@" ;;
  windows-x86_64) x86_64-w64-mingw32-gcc -static "$@" ;;
  esac
}

# make_program PLATFORM SOURCE: compiles it beside the platform's library, and
# prints where it is. Programs for the bridge alone get its sources instead.
make_program() {
  local out link=() name
  name="$(basename "$2" .c)"
  out="$scratch/$1/$name.exe"
  # Once: a process may be running it.
  if [ -f "$out" ]; then
    say "$out"
    return
  fi
  mkdir -p "$scratch/$1"
  ln -sf "$root/unity/Plugins/$(target_file "$1")" "$scratch/$1/"
  case "$name-$1" in
  bridge_*) for source in cexport/*.c; do [ "$source" = cexport/guard.c ] || link+=("$source"); done ;;
  *-windows-*) link=("build/import/$1/unityp2p.lib") ;;
  *) link=("-L$scratch/$1" -Wl,--as-needed -lunityp2p) ;;
  esac
  [[ "$1" = windows-* ]] || link+=(-ldl)
  platform_cc "$1" -std=gnu11 -O1 -Wall -Wextra -Iinclude -o "$out" "$2" "${link[@]}" -lpthread || return 1
  say "$out"
}

# run_program PLATFORM PROGRAM ARGUMENTS…
run_program() {
  local platform="$1"
  shift
  case "$platform" in
  linux-x86_64) LD_LIBRARY_PATH="$scratch/$platform" timeout 300 "$@" ;;
  linux-arm64) timeout 300 qemu-aarch64-static -L /usr/aarch64-linux-gnu -E LD_LIBRARY_PATH="$scratch/$platform" "$@" ;;
  windows-x86_64) timeout 300 wine "$@" ;;
  esac
}

# prepare_wine: a prefix of our own, with the shim (internal/wine) that Debian's
# wine needs for any Go program. In build, because it has 700 MB.
prepare_wine() {
  export WINEPREFIX="$root/build/wine" WINEDEBUG=fixme-all,err-all
  timeout 120 wineboot -i
  x86_64-w64-mingw32-gcc -shared -O2 -Wall -Wextra -Werror internal/wine/shim.c -ladvapi32 -lws2_32 \
    -o "$WINEPREFIX/drive_c/windows/system32/bcryptprimitives.dll"
}

# meet PLATFORM…: a room of one member on each; the first hosts it. Every pair
# must talk directly, both ways.
meet() {
  local url platform program role=host i=0 pairs pids=()
  : >"$scratch/server" # what the last one said is not to be read again
  serve_here "$scratch/server" &
  local server=$!
  url="$(await_line $server "$scratch/server" "signaling: listening on ")"
  rm -f "$scratch"/member-*
  for platform in "$@"; do
    program="$(make_program "$platform" examples/c/member.c)" || return 1
    run_program "$platform" "$program" "$role" platforms --signaling "$url" --index "$i" --of "$#" \
      >"$scratch/member-$i" 2>&1 &
    pids+=($!)
    role="join"
    i=$((i + 1))
  done
  for i in "${!pids[@]}"; do
    wait "${pids[$i]}" || {
      cat "$scratch/member-$i"
      die "the member on ${*:i+1:1} failed"
    }
  done
  kill "$server"
  pairs="$(cat "$scratch"/member-* | tr -d '\r' | grep -cE '^pair [0-9]+ [0-9]+ host ')"
  say "$*: $pairs of $(($# * ($# - 1))) directed pairs"
  [ "$pairs" -eq $(($# * ($# - 1))) ]
}

check_rooms() {
  build_server
  prepare_wine
  meet linux-x86_64 linux-arm64 windows-x86_64
  meet windows-x86_64 linux-x86_64 windows-x86_64
  meet linux-x86_64 linux-x86_64 linux-x86_64 linux-x86_64
  meet windows-x86_64 windows-x86_64 windows-x86_64 windows-x86_64
  meet linux-arm64 windows-x86_64 linux-arm64 linux-x86_64
  meet linux-arm64 linux-arm64 linux-arm64 linux-arm64
}

# check_chat_on PLATFORM: the chat through pipes.
check_chat_on() {
  local program
  [ "$1" != windows-x86_64 ] || prepare_wine
  program="$(make_program "$1" examples/c/chat.c)" || return 1
  check_chat run_program "$1" "$program"
}

# boundary PLATFORM "PROGRAM ARGUMENTS"…: programs of cexport/ctest on the
# platform's library. LIBRARY stands for its file, COPY for another of it.
boundary() {
  local platform="$1" line program words file copy
  shift
  [ "$platform" != windows-x86_64 ] || prepare_wine
  file="$root/unity/Plugins/$(target_file "$platform")"
  copy="$scratch/copy-$platform/${file##*/}"
  mkdir -p "${copy%/*}"
  cp "$file" "$copy"
  for line in "$@"; do
    say "$platform: $line"
    line="${line/LIBRARY/$file}"
    read -ra words <<<"${line/COPY/$copy}"
    program="$(make_program "$platform" "cexport/ctest/programs/${words[0]}.c")" || return 1
    run_program "$platform" "$program" "${words[@]:1}" || return 1
  done
}

# check_systems: the Go code compiles for other systems without a C compiler. That of
# iOS needs one: check_links has it.
check_systems() {
  local system
  for system in windows/amd64 darwin/arm64 android/arm64; do
    say "$system"
    GOOS="${system%/*}" GOARCH="${system#*/}" CGO_ENABLED=0 go vet ./core/... ./signaling/...
  done
}

# check_twice TARGET…: another clone, in another place, gives the same bytes. In
# build, because it takes more room than some systems' /tmp has.
check_twice() {
  local target file clone="$root/build/twice/clone"
  [ -z "$(git status --porcelain --untracked-files=no)" ] || die "commit first: what is here is not what a clone has"
  rm -rf "$root/build/twice"
  git clone -q . "$clone"
  mkdir -p "$clone/build"
  ln -s "$root/build/toolchains" "$clone/build/toolchains"
  (cd "$clone" && GOCACHE="$root/build/twice/cache" ./build.sh "$@")
  for target in "$@"; do
    file="unity/Plugins/$(target_file "$target")"
    sha256sum "$file" "$clone/$file"
    cmp "$file" "$clone/$file"
  done
  rm -rf "$root/build/twice"
}

# check_released: the tests of the C boundary, and of the package under Mono, on the
# library that players of Linux get.
check_released() {
  UNITYP2P_ALL_TESTS=1 UNITYP2P_LIBRARY="$root/unity/Plugins/$(target_file linux-x86_64)" \
    go test -count=1 -timeout 10m -run "$1" "$2"
}

# What can run elsewhere of cexport/ctest: phones and Windows have no fork, and arm64's
# sockets belong to qemu.
anywhere=("bridge_contract" "bridge_races" "library_room room" "library_room connecting" "library_room exit"
  "library_threads 5 1" "library_twice LIBRARY COPY" "library_unload LIBRARY")

test_platforms() {
  make_scratch
  step "tools" install_tools
  step "toolchains" install_toolchains
  step "server" build_server
  step "libraries" build_targets all
  step "what each file is" check_libraries unity/Plugins build
  step "faults are seen" go test -count=1 -tags libraries ./internal/check
  step "what is in it" go run ./internal/check sizes unity/Plugins
  step "Android and iOS link" check_links
  step "a release" package
  step "the same bytes twice" check_twice linux-x86_64 windows-x86_64
  step "Go: vet for other systems" check_systems
  step "rooms across platforms" check_rooms
  step "chat, x86_64" check_chat_on linux-x86_64
  step "chat, arm64 under qemu" check_chat_on linux-arm64
  step "chat, Windows under wine" check_chat_on windows-x86_64
  step "boundary, x86_64" check_released 'Library|Sockets|Signal|Fork|Exported' ./cexport/ctest
  step "boundary, arm64 under qemu" boundary linux-arm64 "${anywhere[@]}" library_fork "library_signals LIBRARY"
  step "boundary, Windows under wine" boundary windows-x86_64 "${anywhere[@]}"
  step "C# tests, Mono, x86_64" check_released 'NUnit' ./internal/unitypackage
  summary
}
