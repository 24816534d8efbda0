#!/usr/bin/env bash
# Installs what is missing for Kinfold's build, for its tests on a real Kafka, and for the checks of deploy/:
# setup.sh [build|kafka|deploy|examples]… (none named: all). Silent and quick when nothing is missing.
# It installs by apt, as root or by a sudo that asks for no password; elsewhere it says what to install, and fails.
set -euo pipefail

rust_min=1.95
java_min=17
missing=()

main() {
  (($#)) || set -- build kafka deploy examples
  local part
  for part; do
    case $part in
      build | kafka | deploy | examples) "$part" ;;
      *) fail "there is no part '$part'; the parts are build, kafka, deploy and examples" ;;
    esac
  done
  if ((${#missing[@]})); then install; fi
}

build() {
  # Not apt's to bring: the Rust of a distribution is years older.
  { has cargo rustc && at_least "$rust_min" "$(rustc --version | cut -d ' ' -f 2)"; } ||
    fail "cargo and rustc $rust_min or newer are missing; https://rustup.rs brings them, and rustup update renews them"
  has cc c++ || need g++ libc6-dev
  has make || need make
  has pkg-config || need pkg-config
  # RocksDB's bindings are made during the build, by libclang with clang's headers.
  has clang || need clang
  there /usr/lib/llvm-*/lib/libclang.so* /usr/lib/*/libclang*.so* || need libclang-dev
  # For librdkafka, which is compiled from source.
  there /usr/include/openssl/ssl.h || need libssl-dev
  there /usr/include/zlib.h || need zlib1g-dev
}

kafka() {
  { has java && at_least "$java_min" "$(java -version 2>&1 | sed -n 's/.* version "\([0-9.]*\).*/\1/p')"; } || need java
  has mvn || need maven
}

deploy() {
  has promtool || need prometheus
}

# The client alone is not enough: the test starts a server of its own.
examples() {
  there /usr/lib/postgresql/*/bin/initdb /usr/bin/initdb || need postgresql
  { has python3 && python3 -c 'import ensurepip, venv' 2>/dev/null; } || need python3-venv
  has curl || need curl
}

has() {
  local command
  for command; do type -P "$command" >/dev/null || return 1; done
}

# Whether any of these files exists; a pattern that matches nothing stays a pattern, which is no file.
there() {
  local file
  for file; do [[ ! -e $file ]] || return 0; done
  return 1
}

at_least() { [[ -n $2 && $(printf '%s\n' "$@" | sort -V | head -n 1) == "$1" ]]; }

need() { missing+=("$@"); }

install() {
  local as_root=() apt=(env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300)
  has apt-get || fail "install these by your system's own means (Debian's names; java is a Java $java_min+ runtime): ${missing[*]}"
  if ((EUID)); then
    sudo -n true 2>/dev/null || fail "run this as root, or install these yourself (java is a Java $java_min+ runtime): ${missing[*]}"
    as_root=(sudo -n)
  fi

  echo "setup.sh: installing ${missing[*]}" >&2
  # That some source cannot be reached need not matter; if it does, the install says so.
  "${as_root[@]}" "${apt[@]}" update >&2 || true
  "${as_root[@]}" "${apt[@]}" install --yes --no-install-recommends "${missing[@]/#java/$(java_package)}" >&2 ||
    fail "apt could not install ${missing[*]}; its reason is above"

  # Of Prometheus only promtool is wanted, and PostgreSQL is started by the tests; their servers would start with the system.
  local server
  for server in prometheus postgresql; do
    if [[ " ${missing[*]} " == *" $server "* && -d /run/systemd/system ]]; then
      "${as_root[@]}" systemctl disable --quiet --now "$server"
    fi
  done
}

# The oldest that serves and that this release of the system has.
java_package() {
  local version
  for version in 17 21 25; do
    if apt-cache show "openjdk-$version-jre-headless" >/dev/null 2>&1; then break; fi
  done
  echo "openjdk-$version-jre-headless"
}

fail() {
  echo "setup.sh: $*" >&2
  exit 1
}

main "$@"
