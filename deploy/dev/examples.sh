#!/usr/bin/env bash
# What deploy/examples needs, for their tests.
#   examples.sh python        prints a Python that has what the examples import; made in the cache, once for each requirements.txt
#   examples.sh connect       prints a folder with Kafka Connect, what the example plugs into it, and a schema registry; made in the cache,
#                             once for each connect-pom.xml
#   examples.sh registry PORT runs that registry on 127.0.0.1, in memory, until it is ended
#   examples.sh worker [KEY=VALUE…]
#                             runs the example's worker with its connector until it is ended; KEY=VALUE are settings of the worker
#   examples.sh start FOLDER  starts a PostgreSQL that keeps everything in FOLDER, and prints a connection string
#   examples.sh stop FOLDER   ends it
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
pom=$root/deploy/dev/connect-pom.xml
# A start is most of what a test asks of them.
quick=(-XX:+UseSerialGC -XX:TieredStopAtLevel=1)
java=${JAVA_HOME:+$JAVA_HOME/bin/}java
cache=$(realpath -m "${KINFOLD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/kinfold}")

main() {
  case ${1-} in
    python | connect) "$1" ;;
    registry) registry "${2:?which port}" ;;
    worker) worker "${@:2}" ;;
    start | stop) "$1" "$(realpath -m "${2:?which folder}")" ;;
    *) fail "which one: python, connect, registry PORT, worker, start FOLDER or stop FOLDER" ;;
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

connect() {
  local folder
  folder=$cache/connect-$(sha256sum "$pom" | cut -c 1-16)
  if [[ ! -f $folder/complete ]]; then
    mkdir -p "$cache"
    exec 9>"$folder.lock"
    flock 9
    if [[ ! -f $folder/complete ]]; then
      rm -rf "$folder"
      fetch_connect "$folder"
      touch "$folder/complete"
    fi
    exec 9>&-
  fi
  echo "$folder"
}

fetch_connect() {
  local folder=$1
  { type -P "$java" && type -P mvn && type -P curl; } >/dev/null ||
    fail "Java, Maven or curl is missing; deploy/dev/setup.sh kafka examples brings them"
  echo "examples.sh: fetching Kafka Connect, its plugins and a schema registry, about 210 MB" >&2
  jars worker "$folder/worker"
  jars converter "$folder/plugins/converter"
  jars transform "$folder/plugins/transform"
  archive io/debezium debezium-connector-jdbc plugin debezium "$folder/plugins"
  archive io/apicurio apicurio-registry-app all registry "$folder/registry"
  manifest "$folder/plugins/converter" storage.Converter io.apicurio.registry.utils.converter.AvroConverter
  manifest "$folder/plugins/transform" transforms.Transformation 'com.github.jcustenborder.kafka.connect.transform.common.ToJSON$Value'
}

# jars PROFILE FOLDER
jars() {
  mvn -q -B -C -Dstyle.color=never -f "$pom" -P "$1" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$2" >&2 9>&- ||
    fail "Maven could not bring what deploy/dev/connect-pom.xml names; its reason is above"
}

# archive GROUP ARTIFACT CLASSIFIER PROPERTY FOLDER: not by Maven, which would keep a second copy of each.
archive() {
  local version file=$5.tar.gz
  version=$(pinned "$4.version")
  mkdir -p "$5"
  curl -fsSL --retry 3 -o "$file" "https://repo.maven.apache.org/maven2/$1/$2/$version/$2-$version-$3.tar.gz" ||
    fail "curl could not bring $2 $version from Maven Central; its reason is above"
  echo "$(pinned "$4.sha256")  $file" | sha256sum --check --quiet >&2 || fail "$2 $version is not what connect-pom.xml says"
  tar -xzf "$file" -C "$5"
  rm "$file"
}

pinned() { sed -n "s|.*<$1>\(.*\)</$1>.*|\1|p" "$pom"; }

# manifest FOLDER KIND CLASS: what plugin.discovery=service_load asks for. Without, a worker searches each class of each jar for plugins,
# which takes ten seconds of a processor.
manifest() {
  python3 -c 'import sys, zipfile; zipfile.ZipFile(sys.argv[1], "w").writestr(*sys.argv[2:])' \
    "$1/manifest.jar" "META-INF/services/org.apache.kafka.connect.$2" "$3"
}

registry() {
  local folder
  folder=$(connect)
  # It looks for its libraries where it stands.
  cd "$folder/registry"
  exec "$java" -Xmx256m "${quick[@]}" -Dquarkus.http.host=127.0.0.1 -Dquarkus.http.port="$1" \
    -jar apicurio-registry-app-*-runner.jar
}

worker() {
  local folder example=$root/deploy/examples/connect
  folder=$(connect)
  # Of two lines with one key the later holds.
  exec "$java" -Xmx256m "${quick[@]}" -Dlog4j2.configurationFile="$root/deploy/dev/kafka-log4j2.properties" -cp "$folder/worker/*" \
    org.apache.kafka.connect.cli.ConnectStandalone \
    <(cat "$example/worker.properties" && printf '%s\n' "plugin.path=$folder/plugins" plugin.discovery=service_load "$@") \
    "$example/profile.json"
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
