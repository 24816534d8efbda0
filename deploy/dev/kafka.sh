#!/usr/bin/env bash
# A real Apache Kafka for development and tests: one broker on 127.0.0.1 (Linux), all that it writes in one folder.
# Standard output carries only the answer (`start` prints exactly host:port); everything else goes to standard error.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
pom=$here/kafka-pom.xml
version=$(sed -n 's|.*<kafka.version>\(.*\)</kafka.version>.*|\1|p' "$pom")
home=$(realpath -m "${KINFOLD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/kinfold}/kafka-$version")
java=${JAVA_HOME:+$JAVA_HOME/bin/}java
# By the Java that wrote it, because no other can use it.
archive=$home/classes-$(stat -Lc %Y-%s "$(type -P "$java")" 2>/dev/null || true).jsa
broker_options=("-XX:SharedArchiveFile=$archive")
java_options=(-cp "$home/libs/*" "-Dlog4j2.configurationFile=$here/kafka-log4j2.properties")

# A start takes a few seconds; the limit is for a machine that compiles at the same time.
start_seconds_max=120
stop_seconds_max=20
# What the second listener tells its clients, and its own port; empty when there is no such listener.
proxy=
behind=

help() {
  cat <<'HELP'
kafka.sh fetch                   bring Kafka's jars into the cache; at once when they are there
kafka.sh start DIR [KEY=VALUE…]  start a broker that keeps its data, log and settings in DIR, and print its host:port;
                                 in a DIR used before it has its data of then; KEY=VALUE are broker settings
kafka.sh start DIR behind=HOST:PORT [KEY=VALUE…]
                                 the same with a second listener, whose clients are told that the broker is at
                                 HOST:PORT, where a proxy stands; the listener's own host:port is in DIR/behind
kafka.sh stop DIR                stop it; the data stays
kafka.sh crash DIR               end it at once, as a crash would; the data stays
kafka.sh address DIR             print the host:port of the broker that runs in DIR
kafka.sh status DIR              say whether one runs there; the exit code is 1 when none does
kafka.sh run CLASS [ARG…]        run one of Kafka's tools; org.apache.kafka.tools. may be left out:
                                 run consumer.ConsoleConsumer --bootstrap-server … --topic … --from-beginning
HELP
}

main() {
  local verb=${1:-help}
  shift || true
  case $verb in
    fetch) fetch ;;
    start | stop | crash | address | status)
      [[ ${1:-} ]] || fail "$verb needs a DIR; kafka.sh help says more"
      if [[ $verb == start ]]; then mkdir -p "$1"; fi
      [[ -d $1 ]] || fail "there is no folder $1; kafka.sh start $1 makes it"
      # A broker is known by this: its working directory is its DIR.
      cd "$1"
      dir=$(pwd -P)
      "$verb" "${@:2}"
      ;;
    run)
      [[ ${1:-} ]] || fail "run needs the CLASS of a tool; kafka.sh help has an example"
      fetch
      tool "$@"
      ;;
    help | -h | --help) help ;;
    *) fail "there is no verb '$verb'; kafka.sh help lists them" ;;
  esac
}

fetch() {
  if fetched; then return; fi
  need_java
  have_jars || type -P mvn >/dev/null || fail "Maven is missing; install it, e.g. apt-get install maven"
  mkdir -p "$home"
  # Whoever comes second waits here, and then finds the work done.
  exec 9>"$home/lock"
  flock 9
  have_jars || fetch_jars
  [[ -f $archive ]] || rehearse
  exec 9>&-
}

fetched() { have_jars && [[ -f $archive ]]; }

# By the whole pom: a change of it is fetched even under the same version of Kafka.
have_jars() { cmp -s "$pom" "$home/libs/pom.xml"; }

fetch_jars() {
  local new
  say "fetching Apache Kafka $version"
  rm -rf "$home"/{libs,new.*,classes-*}
  # A name of its own, because the Maven of a fetch that was killed may still be writing to its folder.
  new=$(mktemp -d "$home/new.XXXXXX")
  mvn -q -B -f "$pom" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$new" >"$home/maven.log" 2>&1 9>&- || {
    cat "$home/maven.log" >&2
    fail "Maven could not bring Kafka $version (its reason is above); see that it reaches Maven Central, and run this again"
  }
  cp "$pom" "$new/pom.xml"
  mv "$new" "$home/libs"
}

# Most of a start is the loading of classes. One start and stop leaves them to Java in a form that it maps at once, and
# shows that this Kafka runs here.
rehearse() {
  local dir=$home/rehearsal broker_options=("-XX:ArchiveClassesAtExit=$home/rehearsal/classes.jsa")
  say "rehearsing a start, so that later ones are quick"
  rm -rf "$dir"
  mkdir "$dir"
  (
    cd "$dir"
    trap 'kill "$(<pid)" 2>/dev/null || true' EXIT
    serve
    kill "$(<pid)"
    # The archive is written on the way out, and half of one would crash every start: hence no limit, and a look at how it ended.
    wait "$(<pid)" || (($? == 128 + 15)) || fail_with_log "the broker did not end in order"
  )
  mv "$dir/classes.jsa" "$archive"
  rm -r "$dir"
}

start() {
  if [[ ${1:-} == behind=* ]]; then
    proxy=${1#behind=}
    shift
  fi
  fetch
  exec 9>lock
  flock 9
  serve "$@"
  exec 9>&-
  address
}

serve() {
  local attempts=1
  if ! running; then
    need_java
    [[ -f data/meta.properties ]] || format
    launch "$@"
  fi
  # Between the look for a free port and its use, another process may take it.
  until await_answer; do
    ((attempts++ < 3)) || fail_with_log "the broker could not have its ports"
    launch "$@"
  done
}

format() {
  local cluster
  cluster=$(head -c 16 /dev/urandom | base64 | tr '+/' 'ab' | cut -c 1-22)
  proxy='' settings 0 0 >server.properties
  tool kafka.tools.StorageTool format --cluster-id "$cluster" --config "$dir/server.properties" >broker.log 2>&1 9>&- ||
    fail_with_log "Kafka could not format $dir/data"
}

launch() {
  local port
  port=$(port_again address)
  if [[ $proxy ]]; then
    behind=$(port_again behind)
    echo "127.0.0.1:$behind" >behind
  fi
  settings "$port" "$(free_port)" "$@" >server.properties
  # Detached, so that Ctrl-C reaches only the caller, who then stops the broker in order. It may hold neither the lock
  # nor the caller's pipe, or both would last as long as the broker.
  setsid "$java" -Xms128m -Xmx384m -XX:+UseSerialGC "${broker_options[@]}" "${java_options[@]}" \
    kafka.Kafka "$dir/server.properties" </dev/null >broker.log 2>&1 9>&- &
  echo $! >pid
  echo "127.0.0.1:$port" >address
}

# Fails if the broker ended for want of a port; then another attempt is worth it.
await_answer() {
  local deadline=$((SECONDS + start_seconds_max))
  until answers; do
    # Asked twice: on a machine that is very busy, a process that was just started may not show where it runs.
    if ! running && sleep 0.5 && ! running; then
      grep -q 'Address already in use' broker.log || fail_with_log "the broker ended before it was ready"
      rm -f address behind
      return 1
    fi
    ((SECONDS < deadline)) || fail_with_log "the broker gave no answer in $start_seconds_max s; kafka.sh stop $dir ends it"
    sleep 0.1
  done
}

# Asks for the metadata of no topic, in Kafka's oldest manner (version 2), and looks for this cluster's id in the reply:
# another process on the port would not know it, and a broker that is not ready yet does not reply.
answers() (
  cluster=$(sed -n 's/^cluster.id=//p' data/meta.properties)
  exec 3<>"/dev/tcp/127.0.0.1/$(port)" || exit 1
  printf '\0\0\0\16\0\3\0\2\0\0\0\1\377\377\0\0\0\0' >&3
  timeout 1 head -c 57 <&3 | grep -qaF "$cluster"
) 2>/dev/null

stop() {
  exec 9>lock
  flock 9
  local pid deadline=$((SECONDS + stop_seconds_max))
  if running; then
    pid=$(<pid)
    kill -TERM "$pid"
    while running && ((SECONDS < deadline)); do sleep 0.1; done
    if running; then
      say "the broker did not end in $stop_seconds_max s; killing it"
      kill -KILL "$pid"
      while running; do sleep 0.1; done
    fi
  fi
  rm -f pid
}

crash() {
  exec 9>lock
  flock 9
  if running; then
    kill -KILL "$(<pid)"
    while running; do sleep 0.05; done
  fi
  rm -f pid
}

address() {
  running || fail "no broker runs in $dir; kafka.sh start $dir starts one"
  cat address
}

status() {
  if running; then
    echo "runs at $(<address), pid $(<pid), log $dir/broker.log"
  else
    echo "does not run; kafka.sh start $dir starts it"
    return 1
  fi
}

running() { [[ -f pid && /proc/$(<pid)/cwd -ef $dir ]]; }

settings() {
  local port=$1 controller_port=$2
  cat <<SETTINGS
# Written by kafka.sh at every start.
process.roles=broker,controller
node.id=1
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller_port${proxy:+,BEHIND://127.0.0.1:$behind}
controller.listener.names=CONTROLLER
controller.quorum.voters=1@127.0.0.1:$controller_port
log.dirs=$dir/data
# A misspelt topic is to be an error.
auto.create.topics.enable=false
# A lone consumer need not wait for others to join its group.
group.initial.rebalance.delay.ms=0
# One broker holds every copy, and fifty partitions of each would only slow its start.
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=4
# Of the default, 128 MiB, little of the heap would be left.
log.cleaner.dedupe.buffer.size=4194304
num.network.threads=2
num.io.threads=4
SETTINGS
  if [[ $proxy ]]; then
    echo "advertised.listeners=PLAINTEXT://127.0.0.1:$port,BEHIND://$proxy"
    echo "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,BEHIND:PLAINTEXT"
  fi
  # Of two lines with one key the later holds.
  printf '%s\n' "${@:3}"
}

port() { sed 's/.*://' "${1:-address}"; }

# The port in a file, so that clients find the broker again; another one if there is none, or somebody else has it. A broker
# that was killed may hold it for a moment longer than the process can be seen.
port_again() {
  local attempts
  if [[ -f $1 ]]; then
    for attempts in {1..50}; do
      if free "$(port "$1")"; then
        port "$1"
        return
      fi
      sleep 0.1
    done
  fi
  free_port
}

# Below the range from which Linux gives ports to outgoing connections.
free_port() {
  local port
  until port=$((20000 + RANDOM % 12000)) && free "$port"; do :; done
  echo "$port"
}

free() { ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

tool() {
  local class=$1
  [[ $class == org.* || $class == kafka.* ]] || class=org.apache.kafka.tools.$class
  "$java" -Xmx128m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 "${java_options[@]}" "$class" "${@:2}"
}

need_java() {
  local have
  have=$("$java" -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p' || true)
  ((${have:-0} >= 17)) || fail "Kafka $version needs Java 17 or newer, and $java is ${have:-missing}; install it, e.g. apt-get install openjdk-17-jre-headless"
}

say() { echo "kafka.sh: $*" >&2; }

fail() {
  say "$*"
  exit 1
}

fail_with_log() {
  tail -n 20 broker.log >&2
  fail "$1; the end of $dir/broker.log is above"
}

main "$@"
