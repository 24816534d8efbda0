#!/usr/bin/env bash
# fuzz.sh MINUTES [TARGET…]: libFuzzer tries each target for so long; none named: all, one after the other. It ends at the
# first finding and says where the input lies. It builds without a sanitizer, because those need a nightly compiler, and what
# they look for, misuse of memory, only `unsafe` can do; panics, broken laws, hangs and memory that grows are found without.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

cargo_fuzz=0.13.2
mib_max=2048
# By the clock: a machine with other work is not to be taken for a hang.
input_seconds_max=60

main() {
  local minutes=$1 targets target
  shift
  cargo_fuzz_is_there
  # The versions that are tried are those that are built.
  cp Cargo.lock fuzz/Cargo.lock
  targets=("$@")
  (($#)) || mapfile -t targets < <(cargo fuzz list)
  # What was found on the way stays; only seeds are written anew.
  cargo build --quiet --locked --workspace --bin kinfold-fuzz-seeds
  "$CARGO_TARGET_DIR/debug/kinfold-fuzz-seeds" fuzz/corpus
  for target in "${targets[@]}"; do
    echo "fuzz.sh: $target, $minutes minutes"
    cargo fuzz run --sanitizer none "$target" -- -max_total_time=$((60 * minutes)) -max_len=16384 \
      -rss_limit_mb="$mib_max" -timeout="$input_seconds_max" -print_final_stats=1 -print_funcs=0 -verbosity=0 ||
      fail "$target broke: put the input into fuzz/laws/regressions/$target/, and make test tries it from then on"
  done
}

cargo_fuzz_is_there() {
  export PATH="$KINFOLD_CACHE/cargo-fuzz/bin:$PATH"
  if type -P cargo-fuzz >/dev/null; then return; fi
  cargo install --quiet --locked --version "$cargo_fuzz" --root "$KINFOLD_CACHE/cargo-fuzz" cargo-fuzz
}

fail() {
  echo "fuzz.sh: $*" >&2
  exit 1
}

main "$@"
