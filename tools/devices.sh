# shellcheck shell=bash
# The boundary programs on Android's emulator and in the simulator of iOS. They
# need a machine that has these: the workflow's. Sourced by build.sh.

# Programs of cexport/ctest, as on the platforms that run here.
device_programs=("library_room room" "library_room connecting" "library_room exit" "library_threads 5 1")

# run_android: on the running emulator, x86_64, by adb.
run_android() {
  local cc line words name there=/data/local/tmp/unityp2p
  need adb "install Android's platform tools"
  make_scratch
  cc="$(target_cc android-x86_64)" || die "android-x86_64 cannot be compiled for"
  adb wait-for-device
  adb shell "rm -rf $there && mkdir -p $there"
  adb push "unity/Plugins/$(target_file android-x86_64)" "$there/"
  # There every thread has an alternate stack for signals, so the guard counts.
  for line in "${device_programs[@]}" "library_signals ./libunityp2p.so"; do
    read -ra words <<<"$line"
    name="${words[0]}"
    if [ ! -f "$scratch/$name" ]; then
      # shellcheck disable=SC2086 # the compiler has flags
      $cc -std=gnu11 -O1 -Wall -Wextra -Iinclude -o "$scratch/$name" "cexport/ctest/programs/$name.c" \
        -L"unity/Plugins/Android/x86_64" -lunityp2p -ldl
      adb push "$scratch/$name" "$there/"
    fi
    say "Android: $line"
    adb shell "cd $there && chmod 755 $name && LD_LIBRARY_PATH=. ./$name ${words[*]:1}"
  done
}

# run_ios: in a booted simulator. Started by simctl, a program for the simulator
# needs no app around it.
run_ios() {
  local cc line words name
  need xcrun "install Xcode"
  make_scratch
  cc="$(target_cc ios-simulator)" || die "ios-simulator cannot be compiled for"
  xcrun simctl list devices booted | grep -q Booted ||
    xcrun simctl bootstatus "$(xcrun simctl list devices available -j |
      sed -n 's/.*"udid" : "\(.*\)".*/\1/p' | head -n 1)" -b
  for line in "${device_programs[@]}"; do
    read -ra words <<<"$line"
    name="${words[0]}"
    [ -f "$scratch/$name" ] || link_ios ios-simulator "cexport/ctest/programs/$name.c" "$scratch/$name" "$cc"
    say "iOS simulator: $line"
    xcrun simctl spawn booted "$scratch/$name" "${words[@]:1}"
  done
}

# link_ios TARGET SOURCE OUT CC: a program around the archive, as Xcode would link
# it into an app.
link_ios() {
  # shellcheck disable=SC2086 # the compiler has flags
  $4 -std=gnu11 -O1 -Iinclude -o "$3" "$2" "${5:-unity/Plugins/$(target_file "$1")}" \
    -framework CoreFoundation -framework Security -lresolv
}
