# shellcheck shell=bash
# The boundary programs on Android's emulator and in the simulator of iOS, and what
# else needs a machine of the workflow's. Sourced by build.sh.

android_ndk="28.0.13004108"
android_image="system-images;android-34;default;x86_64"

# Programs of cexport/ctest, as on the platforms that run here.
device_programs=("library_room room" "library_room connecting" "library_room exit" "library_threads 5 1")

# android_tool NAME: one of Android's command-line tools.
android_tool() {
  local home="${ANDROID_HOME:-${ANDROID_SDK_ROOT:-}}"
  first_of "$1" "$home/cmdline-tools/latest/bin/$1" "$home/emulator/$1" "$home/platform-tools/$1" ||
    missing "Android's command-line tools (set ANDROID_HOME)"
}

# install_android: the NDK, and what the emulator needs, into the SDK that is here.
install_android() {
  local manager
  manager="$(android_tool sdkmanager)" || return 1
  yes | "$manager" --licenses >/dev/null || true
  "$manager" --install "ndk;$android_ndk" "platform-tools" "emulator" "$android_image"
}

# start_android: a new emulator without a window, until it has started.
start_android() {
  local adb
  adb="$(android_tool adb)" || return 1
  [ -w /dev/kvm ] || sudo chmod a+rw /dev/kvm
  echo no | "$(android_tool avdmanager)" create avd --force --name unityp2p --package "$android_image"
  nohup "$(android_tool emulator)" -avd unityp2p -no-window -no-audio -no-boot-anim -no-snapshot \
    >/dev/null 2>&1 &
  timeout 600 "$adb" wait-for-device shell 'while [ "$(getprop sys.boot_completed)" != 1 ]; do sleep 1; done'
}

# test_android: on the running emulator, x86_64. There every thread has an
# alternate stack for signals, so the guard of the host's handlers counts.
test_android() {
  local adb cc line words name there=/data/local/tmp/unityp2p
  adb="$(android_tool adb)" || return 1
  make_scratch
  cc="$(target_cc android-x86_64)" || die "android-x86_64 cannot be compiled for"
  "$adb" shell "rm -rf $there && mkdir -p $there"
  "$adb" push "unity/Plugins/$(target_file android-x86_64)" "$there/"
  for line in "${device_programs[@]}" "library_signals ./libunityp2p.so" "library_unload ./libunityp2p.so"; do
    read -ra words <<<"$line"
    name="${words[0]}"
    if [ ! -f "$scratch/$name" ]; then
      # shellcheck disable=SC2086 # the compiler has flags
      $cc -std=gnu11 -O1 -Wall -Wextra -Iinclude -o "$scratch/$name" "cexport/ctest/programs/$name.c" \
        -L"unity/Plugins/Android/x86_64" -Wl,--as-needed -lunityp2p -ldl
      "$adb" push "$scratch/$name" "$there/"
    fi
    say "Android: $line"
    "$adb" shell "cd $there && chmod 755 $name && LD_LIBRARY_PATH=. ./$name ${words[*]:1}"
  done
}

# test_ios: in a booted simulator. Started by simctl, a program for the simulator
# needs no app around it.
test_ios() {
  local cc line words name device
  need xcrun "install Xcode"
  make_scratch
  cc="$(target_cc ios-simulator)" || die "ios-simulator cannot be compiled for"
  if ! xcrun simctl list devices booted | grep -q Booted; then
    device="$(xcrun simctl list devices available | sed -n 's/^ *iPhone.*(\([0-9A-F-]\{36\}\)).*/\1/p' | head -n 1)"
    [ -n "$device" ] || die "the simulator has no iPhone: add one in Xcode"
    xcrun simctl bootstatus "$device" -b
  fi
  for line in "${device_programs[@]}" "library_sockets client told" "library_sockets host silent"; do
    read -ra words <<<"$line"
    name="${words[0]}"
    [ -f "$scratch/$name" ] ||
      link_ios "unity/Plugins/$(target_file ios-simulator)" "cexport/ctest/programs/$name.c" "$scratch/$name" "$cc"
    say "iOS simulator: $line"
    xcrun simctl spawn booted "$scratch/$name" "${words[@]:1}"
  done
}

# link_ios ARCHIVE SOURCE OUT CC: a program around the archive, as Xcode would link
# it into an app. The programs' own timespec_get is younger than the oldest iOS that
# the library supports.
link_ios() {
  # shellcheck disable=SC2086 # the compiler has flags
  $4 -std=gnu11 -O1 -Wno-unguarded-availability-new -Iinclude -o "$3" "$2" "$1" -framework CoreFoundation -framework Security -lresolv
}

# install_mono: by what hosted Macs and Windows machines install software with.
install_mono() {
  if command -v brew >/dev/null; then
    brew install mono
  elif command -v choco >/dev/null; then
    choco install -y --no-progress mono
    [ -z "${GITHUB_PATH:-}" ] || say 'C:\Program Files\Mono\bin' >>"$GITHUB_PATH"
  else
    die "neither brew nor choco is here: install Mono, https://www.mono-project.com"
  fi
}

# unity_licence: says why the real editor is not started, if it is not.
unity_licence() {
  [ -n "${UNITY_LICENSE:-}" ] || say "::notice::The secret UNITY_LICENSE is not set; the editor is not started."
}
