# shellcheck shell=bash
# Linters, and looking at files. Sourced by build.sh.

check_scripts() {
  local list=() file
  while IFS= read -r file; do
    list+=("$file")
  done < <(find . \( -name .git -o -path ./build -o -path ./unity/Plugins \) -prune -o \
    -type f \( -name '*.sh' -o -path ./.ci/run \) -print)
  # With build.sh goes tools/*.sh, which it sources. The style is in .editorconfig.
  shellcheck -x build.sh .ci/run
  shfmt -d "${list[@]}"
}

# check_files: what is built is not in git.
check_files() {
  local file wrong=""
  while IFS= read -r -d '' file; do
    case "$(head -c 4 "$file" | od -An -tx1 | tr -d ' \n')" in
    7f454c46 | 4d5a* | cffaedfe | cafebabe | 213c6172 | 0061736d) wrong="$wrong $file" ;;
    esac
  done < <(git ls-files -z)
  [ -z "$wrong" ] || die "built files in git:$wrong"
}

check_workflows() {
  go run "$actionlint" .github/workflows/*.yml
}

check_format() {
  local wrong
  wrong="$(gofmt -l .)"
  [ -z "$wrong" ] || die "not formatted by gofmt: $wrong"
}

check_go() {
  go vet ./...
  go run "$staticcheck" ./...
  # Deferred closes, and text for a person, have nobody to tell of an error.
  go run "$errcheck" -ignoretests -exclude internal/lint/errcheck.txt ./...
}

# check_vulnerabilities: those of the modules and of Go that our code calls. It
# needs the network, and what it says changes by itself: not a step of the tests.
check_vulnerabilities() {
  need go "install Go from https://go.dev/dl"
  go run "$govulncheck" ./...
}

check_examples() {
  local cc file
  for cc in gcc clang; do
    for file in examples/c/*.c; do
      "$cc" -std=c11 -O2 -Wall -Wextra -Werror -Iinclude -fsyntax-only "$file"
    done
    "$cc" -std=c99 -Wall -Wextra -Wpedantic -Werror -fsyntax-only -x c include/p2p.h
    "$cc" -std=c++11 -Wall -Wextra -Wpedantic -Werror -fsyntax-only -x c++ include/p2p.h
  done
}

check_size() {
  local file size
  file="$(library_path)"
  size="$(wc -c <"$file")"
  say "$file has $size bytes; $library_limit are allowed"
  [ "$size" -le "$library_limit" ]
}

# notices FILE: what is linked into what the file goes with: the Unity package has
# the library alone.
notices() {
  case "$1" in
  unity/*) go run ./internal/notices ./cexport ;;
  *) go run ./internal/notices ./cexport ./cmd/unityp2p ;;
  esac
}

check_notices() {
  local file
  for file in THIRD-PARTY-NOTICES unity/THIRD-PARTY-NOTICES.md; do
    notices "$file" >"$scratch/notices"
    diff -u "$file" "$scratch/notices" || die "$file is out of date: run ./build.sh notices"
  done
  diff -u CHANGELOG.md unity/CHANGELOG.md || die "copy CHANGELOG.md to unity/CHANGELOG.md"
}

write_notices() {
  local file
  make_scratch
  for file in THIRD-PARTY-NOTICES unity/THIRD-PARTY-NOTICES.md; do
    notices "$file" >"$scratch/notices"
    cp "$scratch/notices" "$file"
  done
}

lint() {
  step "scripts: shellcheck, shfmt" check_scripts
  step "files in git" check_files
  step "workflows: actionlint" check_workflows
  step "Go: format" check_format
  step "Go: vet, staticcheck, errcheck" check_go
  step "C examples and header: gcc, clang" check_examples
  step "third-party notices, changelog" check_notices
}
