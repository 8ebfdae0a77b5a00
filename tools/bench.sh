# shellcheck shell=bash
# The benchmark. Sourced by build.sh.

# bench [--json FILE] [--plot FILE] [--rounds N]
bench() {
  build_library
  say "building build/bench"
  build_library_to build/bench/stock/libunityp2p.so stock_buffers
  go build -trimpath -o build/bench/raw ./internal/bench/raw
  go build -trimpath -o build/bench/bench ./internal/bench
  build_program internal/bench/ours/ours.c build/bench/ours
  build/bench/bench -ours build/bench/ours -raw build/bench/raw \
    -library "$(library_path)" -stock build/bench/stock "$@"
}
