# shellcheck shell=bash
# Processes that a command starts, and its scratch files. Sourced by build.sh.

scratch=""

# make_scratch: from here on there is a folder for scratch files, and whatever
# ends this script, the processes that it started and that folder go with it.
make_scratch() {
  [ -z "$scratch" ] || return 0
  set -m # each job is a process group: what it starts ends with it
  trap end EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  scratch="$(mktemp -d)"
  export GOTMPDIR="$scratch"
}

end() {
  local pid
  exec 2>/dev/null # bash would tell of each
  for pid in $(jobs -p); do kill_job "$pid"; done
  wait || true
  rm -rf "$scratch"
}

kill_job() { kill -- "-$1" 2>/dev/null || true; }

# serve_here FILE: a signaling server on a free port that writes to FILE, to be started
# in the background. Nothing in the environment configures it; but without SYSTEMROOT
# Windows opens no socket.
serve_here() {
  exec env -i ${SYSTEMROOT:+"SYSTEMROOT=$SYSTEMROOT"} build/unityp2p serve -addr 127.0.0.1:0 >"$1" 2>&1
}

# await_line PID FILE PATTERN: prints what follows PATTERN once process PID has
# written it to FILE.
await_line() {
  local deadline=$((SECONDS + 20)) found
  while :; do
    found="$(tr -d '\r' <"$2" | sed -n "/^$3/{s///p;q;}")"
    [ -z "$found" ] || break
    if ! kill -0 "$1" 2>/dev/null || [ "$SECONDS" -ge "$deadline" ]; then
      die "waited for \"$3\" and got: $(cat "$2")"
    fi
    sleep 0.05
  done
  say "$found"
}
