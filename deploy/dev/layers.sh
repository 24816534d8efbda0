#!/usr/bin/env bash
# Asks cargo for the layers of the workspace: the stage crates cannot reach Kafka, RocksDB or a runtime, and the crates
# that wrap C have one user each. One line per question; status 1, with the path of dependencies, if one does not hold.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

stages=(kinfold-model kinfold-mapping kinfold-signals kinfold-capture kinfold-stitch kinfold-profile kinfold-privacy kinfold-letters kinfold-value)
failed=0

main() {
  # First what must be reachable: a misspelt name is reached by nobody, and would pass every question after these.
  reaches kinfold-kafka rdkafka
  reaches kinfold-store rocksdb
  reaches kinfold-daemon tokio

  local stage package
  for stage in "${stages[@]}"; do
    for package in rdkafka rocksdb tokio; do
      cannot_reach "$stage" "$package"
    done
  done

  only_user_of rdkafka kinfold-kafka
  only_user_of rdkafka-sys rdkafka
  only_user_of rocksdb kinfold-store
  only_user_of librocksdb-sys rocksdb
  exit "$failed"
}

reaches() {
  if ask -p "$1" -i "$2"; then
    right "$1 reaches $2"
  else
    wrong "$1 is expected to reach $2, and cargo says:"
  fi
}

# Only cargo's own words for it count as a no: a crate that does not exist, or a Cargo.lock that is out of date, is none.
cannot_reach() {
  if ask -p "$1" -i "$2"; then
    wrong "$1 must not reach $2, and does; the path, from $2 upwards:"
  elif [[ $answer == *"package ID specification \`$2\` did not match any packages"* ]]; then
    right "$1 cannot reach $2"
  else
    wrong "cargo could not say whether $1 reaches $2:"
  fi
}

only_user_of() {
  ask --workspace -i "$1" --depth 1 || true
  if [[ $(sed -n '2,$s/ .*//p' <<<"$answer" | sort -u) == "$2" ]]; then
    right "only $2 uses $1 directly"
  else
    wrong "only $2 may use $1 directly, and cargo says:"
  fi
}

# With all features, so that no optional dependency is overlooked, and without what only tests use: those may read files,
# start threads, and look at Kafka with a client of their own.
ask() { answer=$(cargo tree --quiet --locked --all-features --edges normal,build --prefix none "$@" 2>&1); }

right() { echo "layers: $1"; }

wrong() {
  failed=1
  echo "layers: $1"
  sed 's/^/    /' <<<"$answer"
}

main "$@"
