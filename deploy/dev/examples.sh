#!/usr/bin/env bash
# What deploy/examples needs, for their tests.
#   examples.sh python        prints a Python that has what the examples import; made in the cache, once for each requirements.txt
#   examples.sh start FOLDER  starts a PostgreSQL that keeps everything in FOLDER, and prints a connection string
#   examples.sh stop FOLDER   ends it
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cache=$(realpath -m "${KINFOLD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/kinfold}")

main() {
  case ${1-} in
    python) python ;;
    start | stop) "$1" "$(realpath -m "${2:?which folder}")" ;;
    *) fail "which one: python, start FOLDER or stop FOLDER" ;;
  esac
}

python() {
  local requirements=$root/deploy/examples/postgres/requirements.txt folder
  folder=$cache/examples-$(sha256sum "$requirements" | cut -c 1-16)
  if [[ ! -f $folder/complete ]]; then
    mkdir -p "$cache"
    # Whoever comes second waits here, and then finds the work done.
    exec 9>"$folder.lock"
    flock 9
    if [[ ! -f $folder/complete ]]; then
      rm -rf "$folder"
      python3 -m venv "$folder" >&2 || fail "python3 cannot make an environment; deploy/dev/setup.sh examples brings what it needs"
      "$folder/bin/pip" --quiet install --requirement "$requirements" >&2 || fail "pip could not install $requirements; its reason is above"
      touch "$folder/complete"
    fi
  fi
  echo "$folder/bin/python"
}

start() {
  local folder=$1 port
  mkdir -p "$folder"
  if ((EUID == 0)); then chown postgres "$folder"; fi
  as_nobody_special "$(server initdb)" --pgdata "$folder/data" --auth trust --username kinfold --encoding UTF8 >"$folder.log" 2>&1 ||
    fail "initdb says: $(tail -n 3 "$folder.log")"
  port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  as_nobody_special "$(server pg_ctl)" --pgdata "$folder/data" --wait --log "$folder/log" start \
    --options "-c listen_addresses=127.0.0.1 -c port=$port -c unix_socket_directories=''" >&2 ||
    fail "PostgreSQL does not start: $(tail -n 3 "$folder/log")"
  echo "postgresql://kinfold@127.0.0.1:$port/postgres"
}

stop() { as_nobody_special "$(server pg_ctl)" --pgdata "$1/data" --mode immediate stop >&2; }

# The newest that is installed. Debian keeps a server's programs out of the path.
server() {
  local found
  found=$(type -P "$1" || printf '%s\n' /usr/lib/postgresql/*/bin/"$1" | sort -V | tail -n 1)
  [[ -x $found ]] || fail "$1 is missing; deploy/dev/setup.sh examples brings it"
  echo "$found"
}

# PostgreSQL does not run as root.
as_nobody_special() {
  if ((EUID == 0)); then (cd / && exec setpriv --reuid=postgres --regid=postgres --init-groups "$@"); else "$@"; fi
}

fail() {
  echo "examples.sh: $*" >&2
  exit 1
}

main "$@"
