# shellcheck shell=bash
# Stand-ins for the SDKs that cannot be had here: headers of zig's (musl's, and
# Darwin's), and system libraries that are names only. What is linked with them is
# right for macOS, whose names are Go's own list; for Android and iOS it is a check
# that everything compiles and links, and not for use. Sourced by build.sh.

standins="$root/build/toolchains/standins"

zig_headers() { say "$(dirname "$(zig_binary)")/lib/libc/include"; }

# need_llvm WHAT: the linkers of LLVM, and zig, are here, in place of what the target's
# owner gives.
need_llvm() {
  [[ "$root" != *\ * ]] || missing "$1, or a path without spaces" || return 1
  first_of ld64.lld ld64.lld-14 >/dev/null && first_of ld.lld ld.lld-14 >/dev/null &&
    command -v clang >/dev/null && zig_binary >/dev/null || missing "$1, or clang, lld and zig: ./build.sh deps"
}

# standin_macos_cc ARCH: clang with a stand-in for Apple's SDK.
standin_macos_cc() {
  need_llvm "Xcode on a Mac" || return 1
  standin_apple_cc "$1-apple-macos11.0" macosx
}

standin_ios_cc() {
  need_llvm "Xcode on a Mac" || return 1
  [ -d "$standins/ios-headers" ] || make_ios_headers "$standins/ios-headers"
  say "$(standin_apple_cc arm64-apple-ios12.0 iphoneos) -isystem $standins/ios-headers"
}

# make_ios_headers DIR: what Go's start-up code for iOS includes, and zig lacks.
make_ios_headers() {
  mkdir -p "$1/CoreFoundation"
  cat >"$1/TargetConditionals.h" <<'TEXT'
#include_next <TargetConditionals.h>
#undef TARGET_OS_IPHONE
#define TARGET_OS_IPHONE 1
TEXT
  cat >"$1/CoreFoundation/CFString.h" <<'TEXT'
#pragma once
typedef unsigned char Boolean;
typedef const void *CFTypeRef;
typedef const struct cf_string *CFStringRef;
#define CFSTR(text) ((CFStringRef) __builtin___CFStringMakeConstantString(text))
enum { kCFStringEncodingUTF8 = 0x08000100 };
Boolean CFStringGetCString(CFStringRef string, char *buffer, long size, unsigned encoding);
void CFRelease(CFTypeRef object);
TEXT
  cat >"$1/CoreFoundation/CFBundle.h" <<'TEXT'
#pragma once
#include <CoreFoundation/CFString.h>
typedef struct cf_bundle *CFBundleRef;
typedef const struct cf_url *CFURLRef;
CFBundleRef CFBundleGetMainBundle(void);
CFURLRef CFBundleCopyResourceURL(CFBundleRef bundle, CFStringRef name, CFStringRef type, CFStringRef folder);
CFTypeRef CFBundleGetValueForInfoDictionaryKey(CFBundleRef bundle, CFStringRef key);
CFStringRef CFURLGetString(CFURLRef url);
TEXT
}

# standin_apple_cc TRIPLE SDK
standin_apple_cc() {
  local sdk="$standins/$2"
  [ -d "$sdk/usr/lib" ] || make_apple_sdk "$sdk" >&2 || return 1
  say "clang -target $1 -isysroot $sdk -mlinker-version=609 --ld-path=$(first_of ld64.lld ld64.lld-14) -Wno-unused-command-line-argument"
}

make_apple_sdk() {
  local headers name
  headers="$(zig_headers)"
  mkdir -p "$1/usr/lib"
  ln -sfn "$headers/any-macos-any" "$1/usr/include"
  for name in libSystem libpthread; do # what macOS has of it, iOS has too
    sed 's/arm64-macos/arm64-macos, arm64-ios/' "$headers/../darwin/libSystem.tbd" >"$1/usr/lib/$name.tbd"
  done
  for name in CoreFoundation Security; do
    apple_stub "/System/Library/Frameworks/$name.framework/Versions/A/$name" \
      "$1/System/Library/Frameworks/$name.framework/$name.tbd" "$name"
  done
  apple_stub /usr/lib/libresolv.9.dylib "$1/usr/lib/libresolv.tbd"
}

# apple_stub INSTALL-NAME FILE [FRAMEWORK]: a text stub with the functions that
# Go's own library imports from it, and those that its C code for iOS calls.
apple_stub() {
  local symbols
  symbols="$({
    grep -rhoE --include='*.go' "cgo_import_dynamic [^ ]+ [^ ]+ \"$1\"" "$(go env GOROOT)/src" | awk '{print $3}'
    [ "${3:-}" != CoreFoundation ] || {
      grep -hoE 'CF(Bundle|URL|String)[A-Z][A-Za-z]+|CFRelease' "$(go env GOROOT)/src/runtime/cgo/gcc_darwin_arm64.c"
      say __CFConstantStringClassReference
    }
  } | sed 's/^/_/' | sort -u | paste -sd, -)"
  mkdir -p "$(dirname "$2")"
  cat >"$2" <<TEXT
--- !tapi-tbd
tbd-version: 4
targets: [ x86_64-macos, arm64-macos, arm64-ios ]
install-name: '$1'
exports:
  - targets: [ x86_64-macos, arm64-macos, arm64-ios ]
    symbols: [ ${symbols//,/, } ]
...
TEXT
}

# standin_android_cc TRIPLE MUSL-HEADERS
standin_android_cc() {
  need_llvm "the NDK" || return 1
  local sdk="$standins/android-$2" headers
  headers="$(zig_headers)"
  [ -d "$sdk/lib" ] || make_android_sdk "$sdk" "$1" >&2 || return 1
  say "clang -target $1 -nostdlibinc -isystem $sdk/include -isystem $headers/$2-linux-musl -isystem $headers/generic-musl -isystem $headers/any-linux-any -isystem $headers/${2%%_*}-linux-any -nostdlib -L$sdk/lib -lc -fuse-ld=lld -Wno-unused-command-line-argument"
}

make_android_sdk() {
  local name
  mkdir -p "$1/include/android" "$1/lib"
  cat >"$1/include/android/log.h" <<'TEXT'
#include <stdarg.h>
enum { ANDROID_LOG_INFO = 4, ANDROID_LOG_FATAL = 7 };
int __android_log_print(int priority, const char *tag, const char *format, ...);
int __android_log_vprint(int priority, const char *tag, const char *format, va_list arguments);
int __android_log_write(int priority, const char *tag, const char *text);
TEXT
  printf 'static inline int android_get_device_api_level(void) { return __ANDROID_API__; }\n' >"$1/include/android/api-level.h"
  for name in c dl m log; do
    clang -target "$2" -shared -nostdlib -fuse-ld=lld -Wl,-soname,"lib$name.so" -x c /dev/null -o "$1/lib/lib$name.so"
  done
}

# check_links: the libraries that need an SDK of Google's or Apple's compile and
# link, and are what they must be. They are not for use, and go nowhere.
check_links() {
  local target cc folder="$scratch/links"
  for target in android-arm64-v8a android-armeabi-v7a android-x86_64 ios-arm64; do
    case "$target" in
    android-arm64-v8a) cc="$(standin_android_cc aarch64-linux-android21 aarch64)" ;;
    android-armeabi-v7a) cc="$(standin_android_cc armv7a-linux-androideabi21 arm)" ;;
    android-x86_64) cc="$(standin_android_cc x86_64-linux-android21 x86_64)" ;;
    ios-arm64) cc="$(standin_ios_cc)" ;;
    esac
    library_tags="$library_tags,netgo" target_go "$target" "$folder/$(target_file "$target")" "$cc" "-s -w"
  done
  check_libraries "$folder"
  go run ./internal/check sizes "$folder"
}
