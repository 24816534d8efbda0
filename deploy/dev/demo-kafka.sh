#!/usr/bin/env bash
# The demo on a real Apache Kafka: a broker, the topics, three consumers as separate processes, and the sample.
# In: the folder with Kinfold's binaries. Out: the tables of the demo, and whether both ways gave the same people.
set -euo pipefail

bin=${1:?usage: demo-kafka.sh FOLDER-WITH-BINARIES}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
pids=()

finish() {
    status=$?
    ((${#pids[@]} == 0)) || kill -TERM "${pids[@]}" 2>/dev/null || true
    wait || true
    "$here/kafka.sh" stop "$work/broker" >&2 || true
    if ((status == 0)); then
        rm -rf "$work"
    else
        echo "logs of the broker and the consumers are in $work" >&2
    fi
}
trap finish EXIT

echo "starting Apache Kafka …"
address=$("$here/kafka.sh" start "$work/broker")
echo "Kafka listens on $address"
head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n' >"$work/secret"
cat >"$work/kinfold.toml" <<TOML
[deployment]
secret_file = "$work/secret"
[kafka]
bootstrap = "$address"
[topics]
partitions = 4
[state]
dir = "$work/state"
TOML
"$bin/kinfold" topics apply --config "$work/kinfold.toml" | tail -n 1
for consumer in capture stitch profile; do
    KINFOLD_HTTP__LISTEN=127.0.0.1:0 "$bin/kinfold-$consumer" --config "$work/kinfold.toml" 2>"$work/$consumer.log" &
    pids+=($!)
    echo "started kinfold-$consumer, process $!"
done
"$bin/kinfold" demo --kafka --config "$work/kinfold.toml"
