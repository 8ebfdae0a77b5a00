# shellcheck shell=bash
# What a release consists of, from the libraries in unity/Plugins. Sourced by
# build.sh.

release="$root/build/release"
release_branch="upm" # what Unity installs by git URL

# pack OUT FOLDER [NAME]: an archive of a folder, the same bytes each time. Inside,
# the folder is called NAME.
pack() {
  tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$(git log -1 --format=%ct)" \
    --transform "s,^\\.,${3:-.}," -C "$2" -cf - . | gzip -9n >"$1"
}

# package: everything that a release offers for download, into build/release.
package() {
  need go "install Go from https://go.dev/dl"
  make_scratch
  go run ./internal/plugins unity/Plugins # what a workflow gathers from several machines lacks some
  go run ./internal/check files unity/Plugins build
  rm -rf "$release"
  mkdir -p "$release"
  package_unity
  package_libraries
  package_servers
  release_notes >"$release/NOTES.md"
  (cd "$release" && sha256sum ./*.tgz ./*.tar.gz unityp2p-server-* | sed 's,\./,,' >SHA256SUMS)
  ls -l "$release"
}

# package_unity: the package, in the form that Unity's package manager takes.
package_unity() {
  local name
  name="$(sed -n 's/^  "name": "\(.*\)",$/\1/p' unity/package.json)"
  grep -q "^  \"version\": \"$version\",\$" unity/package.json || die "unity/package.json and CHANGELOG.md have different versions"
  pack "$release/$name-$version.tgz" unity package
}

# package_libraries: for each platform the header and its library, and another with
# the symbols.
package_libraries() {
  local file target folder symbols
  for target in "${targets[@]}"; do
    file="unity/Plugins/$(target_file "$target")"
    [ -f "$file" ] || continue
    grep -aqF "$identity" "$file" || die "$target is not of this commit: build it again"
    folder="$scratch/package/$target"
    mkdir -p "$folder/include" "$folder/lib"
    cp include/p2p.h "$folder/include/"
    cp LICENSE "$folder/"
    cp unity/THIRD-PARTY-NOTICES.md "$folder/THIRD-PARTY-NOTICES"
    cp "$file" "$folder/lib/"
    ! compgen -G "build/import/$target/*.lib" >/dev/null || cp "build/import/$target/"*.lib "$folder/lib/"
    pack "$release/unityp2p-$version-$target.tar.gz" "$folder" "unityp2p-$version-$target"
    for symbols in "build/symbols/${target/universal/arm64}" "build/symbols/${target/universal/x86_64}"; do
      [ ! -d "$symbols" ] ||
        pack "$release/unityp2p-$version-${symbols##*/}-symbols.tar.gz" "$symbols" "unityp2p-$version-${symbols##*/}-symbols"
    done
  done
}

# package_servers: the signaling server, one file each.
package_servers() {
  local system name
  for system in linux/amd64 linux/arm64 windows/amd64 darwin/amd64 darwin/arm64; do
    name="unityp2p-server-$version-${system%/*}-${system#*/}"
    [ "${system%/*}" != windows ] || name="$name.exe"
    GOOS="${system%/*}" GOARCH="${system#*/}" build_server_to "$release/$name"
  done
}

# release_notes: this version's part of the changelog.
release_notes() {
  awk -v version="$version" '
    /^## \[/ { inside = index($0, "[" version "]") > 0; next }
    inside { print }' CHANGELOG.md
}

# release_tree: prints a commit, on top of this one and by whoever made this one, that
# has the libraries too.
release_tree() {
  local index="$scratch/index"
  # shellcheck disable=SC2155 # this commit is there
  export GIT_AUTHOR_NAME="$(git log -1 --format=%an)" GIT_AUTHOR_EMAIL="$(git log -1 --format=%ae)"
  export GIT_COMMITTER_NAME="$GIT_AUTHOR_NAME" GIT_COMMITTER_EMAIL="$GIT_AUTHOR_EMAIL"
  git read-tree --index-output="$index" HEAD
  GIT_INDEX_FILE="$index" git add --force unity/Plugins unity/Plugins.meta
  git commit-tree "$(GIT_INDEX_FILE="$index" git write-tree)" -p HEAD \
    -m "Release $version, with the libraries" -m "What Unity installs by git URL."
}

# publish: a release of what package made. The tag says which version this is. The
# branch moves on with each release; a tag of its own keeps what projects have locked.
publish() {
  local tree
  need gh "install GitHub's command line, https://cli.github.com"
  make_scratch
  [ "$(git tag --points-at HEAD)" = "v$version" ] || die "this commit has no tag v$version"
  [ -f "$release/SHA256SUMS" ] || die "there is nothing to publish: ./build.sh package"
  tree="$(release_tree)"
  git push --force origin "$tree:refs/heads/$release_branch" "$tree:refs/tags/$release_branch/$version"
  gh release create "v$version" --title "$version" --notes-file "$release/NOTES.md" \
    "$release"/*.tgz "$release"/*.tar.gz "$release"/unityp2p-server-* "$release/SHA256SUMS"
}

# sign_macos: signs and notarises the library for macOS with the owner's identity:
# APPLE_CERTIFICATE (a .p12 in base64), APPLE_CERTIFICATE_PASSWORD, APPLE_IDENTITY,
# and for the notary APPLE_ID, APPLE_TEAM, APPLE_PASSWORD. Without them it says so,
# and the library keeps the linker's ad-hoc signature.
sign_macos() {
  local library keychain
  library="unity/Plugins/$(target_file macos-universal)"
  if [ -z "${APPLE_CERTIFICATE:-}" ]; then
    say "APPLE_CERTIFICATE is not set: $library stays signed ad hoc, and is not notarised"
    return
  fi
  make_scratch
  keychain="$scratch/signing.keychain-db"
  base64 --decode <<<"$APPLE_CERTIFICATE" >"$scratch/certificate.p12"
  security create-keychain -p unityp2p "$keychain"
  security unlock-keychain -p unityp2p "$keychain"
  security import "$scratch/certificate.p12" -k "$keychain" -P "$APPLE_CERTIFICATE_PASSWORD" -T /usr/bin/codesign
  security set-key-partition-list -S apple-tool:,apple: -k unityp2p "$keychain" >/dev/null
  codesign --force --timestamp --options runtime --keychain "$keychain" --sign "$APPLE_IDENTITY" "$library"
  codesign --verify --strict --verbose=2 "$library"
  ditto -c -k "$library" "$scratch/library.zip"
  xcrun notarytool submit "$scratch/library.zip" --wait \
    --apple-id "$APPLE_ID" --team-id "$APPLE_TEAM" --password "$APPLE_PASSWORD"
}
