#!/usr/bin/env bash
# Prints the folder of a static RocksDB: with ROCKSDB_LIB_DIR set to it and ROCKSDB_STATIC to 1, librocksdb-sys links that.
# RocksDB's C++ is nine tenths of a first build, and cargo compiles it anew whenever a feature of any crate behind its
# build script changes. Here it is compiled once for each version of librocksdb-sys, into the cache.
# The features of rocksdb in Cargo.toml are not part of the folder's name: who changes them removes the folder.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cache=$(realpath -m "${KINFOLD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/kinfold}")

main() {
  local version folder
  version=$(locked_version)
  [[ $version =~ ^[0-9A-Za-z.+-]+$ ]] || fail "$root/Cargo.lock does not name exactly one version of librocksdb-sys"
  folder=$cache/rocksdb-$version
  [[ -f $folder/librocksdb.a ]] || build "$version" "$folder"
  echo "$folder"
}

locked_version() { sed -n '/^name = "librocksdb-sys"$/{n;s/^version = "\(.*\)"$/\1/p}' "$root/Cargo.lock"; }

build() {
  local version=$1 folder=$2 libraries
  mkdir -p "$folder"
  # Whoever comes second waits here, and then finds the work done.
  exec 9>"$folder/lock"
  flock 9
  if [[ -f $folder/librocksdb.a ]]; then return; fi

  say "compiling RocksDB (librocksdb-sys $version) into $folder: about 15 minutes on two cores, once"
  # What a killed run left behind.
  rm -rf "$folder"/build.*
  target=$(mktemp -d "$folder/build.XXXXXX")
  trap 'rm -rf "$target"' EXIT
  (
    cd "$root"
    # With these it would look for the very library that it is to make.
    unset ROCKSDB_LIB_DIR ROCKSDB_STATIC
    cargo build --package librocksdb-sys --locked --target-dir "$target" >&2 9>&-
  ) || fail "cargo could not compile RocksDB; its reason is above"

  mapfile -t libraries < <(find "$target" -path '*/build/librocksdb-sys-*/out/librocksdb.a')
  ((${#libraries[@]} == 1)) || fail "cargo left ${#libraries[@]} files librocksdb.a below $target, where one is expected"
  # In the same file system, so that a reader sees the whole library or none.
  cp "${libraries[0]}" "$target/librocksdb.a"
  mv "$target/librocksdb.a" "$folder/librocksdb.a"
}

say() { echo "rocksdb.sh: $*" >&2; }

fail() {
  say "$*"
  exit 1
}

main "$@"
