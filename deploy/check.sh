#!/usr/bin/env bash
# In: the files beside this script. Out: one line per file, `checked by X` or `not checked: X is not installed`.
# Status 1 if a check fails, or if CI is set and promtool or jq is missing. Touches nothing, asks no network.
set -u
cd "$(dirname "$0")" || exit 1

failed=0
metrics_page=../docs/metrics.md
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT

have() { command -v "$1" > /dev/null; }

# check FILE TOOL COMMAND…: the tool's own words are shown only if it complains.
check() {
    local file=$1 tool=$2
    shift 2
    if "$@" > "$scratch/out" 2>&1; then
        echo "$file: checked by $tool"
    else
        failed=1
        echo "$file: FAILED by $tool"
        sed 's/^/    /' "$scratch/out"
    fi
}

# skip FILE TOOL [required]
skip() {
    echo "$1: not checked: $2 is not installed"
    if [ -n "${3:-}" ] && [ -n "${CI:-}" ]; then
        failed=1
        echo "    CI is set, and there $2 is required (Debian: apt-get install prometheus jq)"
    fi
}

# The board's expressions as a file of rules, so that promtool parses them. Grafana's variables are filled in.
board_as_rules() {
    jq '{groups: [{name: "board", rules: [.panels[] | .id as $id | .targets[] | {
        record: "panel_\($id)_\(.refId)",
        expr: .expr | gsub("\\$__rate_interval"; "5m") | gsub("\\$(job|stage)"; ".+")}]}]}' \
        grafana/kinfold.json > "$scratch/board.yml" && promtool check rules "$scratch/board.yml"
}

# Unique panel ids, and no panel that is tied to somebody's own data source.
board_is_sound() {
    jq -e '([.panels[].id] | length == (unique | length))
        and all(.panels[]; .datasource.uid == "${datasource}" and (.targets | length > 0))' grafana/kinfold.json
}

# Each alert has a test in which it fires, one in which it does not, and a section that says what to do.
alerts_are_complete() {
    local alert status=0 tests=prometheus/kinfold.rules.test.yml
    for alert in $(sed -n 's/^ *- alert: //p' prometheus/kinfold.rules.yml); do
        grep -A1 "alertname: $alert\$" $tests | grep -q 'exp_alerts: \[\]' || { echo "$alert: no test where it is quiet"; status=1; }
        grep -A1 "alertname: $alert\$" $tests | grep -q 'exp_alerts:$' || { echo "$alert: no test where it fires"; status=1; }
        grep -q "^### $alert\$" $metrics_page || { echo "$alert: no section in docs/metrics.md"; status=1; }
    done
    return $status
}

# Every metric that a rule or the board asks for is in the table.
metrics_are_documented() {
    local metric status=0
    for metric in $(cat prometheus/kinfold.rules.yml grafana/kinfold.json \
        | grep -oE '(^|[^:a-z_])kinfold_[a-z_]+' | grep -oE 'kinfold_.*' | sed 's/_bucket$//' | sort -u); do
        grep -q "^| \`$metric\`" $metrics_page || { echo "$metric: not in the table"; status=1; }
    done
    return $status
}

if have promtool; then
    check prometheus/prometheus.yml 'promtool check config' promtool check config prometheus/prometheus.yml
    check prometheus/kinfold.rules.yml 'promtool check rules' promtool check rules prometheus/kinfold.rules.yml
    check prometheus/kinfold.rules.test.yml 'promtool test rules' promtool test rules prometheus/kinfold.rules.test.yml
else
    for file in prometheus/prometheus.yml prometheus/kinfold.rules.yml prometheus/kinfold.rules.test.yml; do
        skip $file promtool required
    done
fi
check prometheus/kinfold.rules.yml 'a search for untested and unexplained alerts' alerts_are_complete
check docs/metrics.md 'a search for metrics that it lacks' metrics_are_documented

if have jq; then
    check grafana/kinfold.json 'jq (syntax, ids, data source)' board_is_sound
    if have promtool; then
        check grafana/kinfold.json 'promtool (its PromQL)' board_as_rules
    else
        skip grafana/kinfold.json promtool required
    fi
else
    skip grafana/kinfold.json jq required
fi

if have jq; then
    check examples/connect/profile.json 'jq (syntax, name, class)' jq -e '.name and .config["connector.class"]' examples/connect/profile.json
else
    skip examples/connect/profile.json jq required
fi

# `config` needs no engine.
if have docker && docker compose version > /dev/null 2>&1; then
    check compose.yaml 'docker compose config' docker compose -f compose.yaml config --quiet
else
    skip compose.yaml 'the compose plugin of docker'
fi

if have hadolint; then check Dockerfile hadolint hadolint Dockerfile; else skip Dockerfile hadolint; fi

for script in probe.sh check.sh; do
    if have shellcheck; then check $script shellcheck shellcheck --severity=warning $script; else check $script 'bash -n' bash -n $script; fi
done

if python3 -c 'import tomllib' 2> /dev/null; then
    for file in kinfold.toml purposes/*.toml; do
        check "$file" 'python3 tomllib (syntax)' python3 -c 'import sys, tomllib; tomllib.load(open(sys.argv[1], "rb"))' "$file"
    done
else
    for file in kinfold.toml purposes/*.toml; do skip "$file" 'python3 (3.11 or newer)'; done
fi

for file in grafana/provisioning/datasources/prometheus.yaml grafana/provisioning/dashboards/kinfold.yaml; do
    if have yq; then check $file 'yq (syntax)' yq . $file; else skip $file yq; fi
done

echo 'Dockerfile.dockerignore: not checked: only a build could'

exit $failed
