# shellcheck shell=bash
# A room of four processes, shown as a table. Sourced by build.sh.

demo() {
  local count=4 i role url failed=0
  build_library
  build_server
  build_example member
  make_scratch
  serve_here "$scratch/server" &
  url="$(await_line $! "$scratch/server" "signaling: listening on ")"
  say "signaling server at $url"
  local members=()
  for ((i = 0; i < count; i++)); do
    role="join"
    [ "$i" -gt 0 ] || role="host"
    build/member "$role" demo --signaling "$url" --index "$i" --of "$count" >"$scratch/$i" 2>"$scratch/$i.log" &
    members+=($!)
  done
  say "one host and $((count - 1)) clients started, each in a process of its own"
  for ((i = 0; i < count; i++)); do
    if ! wait "${members[$i]}"; then
      failed=1
      say "member $i failed:"
      cat "$scratch/$i.log"
    fi
  done
  show_pairs "$count"
  local talked all=$((count * (count - 1)))
  talked="$(cat "$scratch"/[0-9] | grep -cE '^pair [0-9]+ [0-9]+ (host|srflx|prflx) ' || true)"
  say ""
  say "demo: $talked of $all directed pairs talked directly"
  [ "$failed" -eq 0 ] && [ "$talked" -eq "$all" ]
}

# show_pairs COUNT: who talked to whom, as a table.
show_pairs() {
  local row='%-8s %-8s %-6s %-13s %-22s %-22s %s\n' i pair a b path ms mine theirs tries
  say ""
  # shellcheck disable=SC2059 # the format is ours
  printf "$row" from to path 'connected in' 'local address' 'remote address' 'unreliable tries'
  for ((i = 0; i < $1; i++)); do
    while read -r pair a b path ms mine theirs tries; do
      [ "$pair" = pair ] || continue
      # shellcheck disable=SC2059
      printf "$row" "$(member_name "$a")" "$(member_name "$b")" "$path" "$ms ms" "$mine" "$theirs" "$tries"
    done <"$scratch/$i"
  done
}

member_name() {
  if [ "$1" -eq 0 ]; then say host; else say "client$1"; fi
}
