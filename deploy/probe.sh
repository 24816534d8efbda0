#!/usr/bin/env bash
# In: a path (/live by default) and KINFOLD_HTTP__LISTEN, the address the process in this container listens on.
# Out: status 0 if that path answers 200 within 2 seconds, else 1 and the reason.
# Uses bash's own sockets, so that the image needs no HTTP client.
set -euo pipefail

path=${1:-/live}
: "${KINFOLD_HTTP__LISTEN:?set it, for example to 0.0.0.0:9701: the default is loopback, which nothing outside reaches}"
port=${KINFOLD_HTTP__LISTEN##*:}

if ! { exec 3<>"/dev/tcp/127.0.0.1/$port"; } 2>/dev/null; then
    echo "nothing listens on port $port"
    exit 1
fi
printf 'GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n' "$path" >&3
if ! IFS=' ' read -r -t 2 _ status _ <&3; then
    echo "port $port accepts, but does not answer"
    exit 1
fi
# Without a reason phrase the status is the last word and keeps the carriage return.
status=${status%$'\r'}
# Read to the end, or the process sees a reset connection every few seconds.
timeout 2 cat <&3 > /dev/null || true
echo "$path answers $status"
[ "$status" = 200 ]
