#!/bin/bash
# postgres.sh NODES ROUNDS MESSAGES: messages a second through NODES servers on one PostgreSQL of its own, all on this
# machine: Postfix's smtp-source (20 sessions in all, or SESSIONS, 1 KiB, connections used again) to smtp-sink. "relayed" ends when
# the queue is empty. CPU in seconds per 1,000 messages, of the servers, the database, and the whole machine; what the
# database wrote into its log in bytes for each message, and how many messages went with each commit. STATEMENTS=1 says at the end which
# statements those were (and costs a little). Needs root, postfix and postgresql-15.
set -euo pipefail
nodes=$1 rounds=$2 messages=$3
root=$(cd "$(dirname "$0")/../.." && pwd)
bin=/usr/lib/postgresql/15/bin
work=$(mktemp -d /var/tmp/postrider-postgres.XXXX)
chmod 755 "$work"
database=$((26000 + RANDOM % 500)) sink=$((25000 + RANDOM % 500))
pids=() ports=()
statements=${STATEMENTS:+ -c shared_preload_libraries=pg_stat_statements -c compute_query_id=on}

end() {
  [ "${#pids[@]}" = 0 ] || kill "${pids[@]}" 2>/dev/null || true
  wait 2>/dev/null || true
  su postgres -c "$bin/pg_ctl -D $work/pg -w -m fast stop" >/dev/null || true
  rm -rf "$work"
}
trap end EXIT

mkdir "$work/pg"
chown postgres "$work/pg"
su postgres -c "$bin/initdb -D $work/pg -A trust -U postrider --no-instructions >/dev/null &&
  $bin/pg_ctl -D $work/pg -w -l $work/pg/log start >/dev/null \
  -o '-p $database -k $work/pg -c listen_addresses=127.0.0.1 -c max_connections=200 -c shared_buffers=512MB$statements'"
ask() { psql -h 127.0.0.1 -p "$database" -U postrider -Atqc "$2" "$1"; }
ask postgres 'CREATE DATABASE postrider'
[ -z "$statements" ] || ask postrider 'CREATE EXTENSION pg_stat_statements'

smtp-sink -u nobody -c "127.0.0.1:$sink" 1024 >/dev/null 2>&1 &
pids+=($!)
servers=()
for node in $(seq "$nodes"); do
  port=$((20000 + node * 100 + RANDOM % 100))
  ports+=("$port")
  cat >"$work/$node.json" <<JSON
{
  "hostname": "n$node.bench.example",
  "dataDirectory": "$work/data$node",
  "store": { "kind": "postgres", "url": "postgres://postrider@127.0.0.1:$database/postrider", "node": "n$node" },
  "domains": ["local.bench.example"],
  "listeners": [{ "service": "smtp", "host": "127.0.0.1", "port": $port }],
  "trustedNetworks": ["127.0.0.1/32"],
  "routes": [{ "domain": "*", "host": "127.0.0.1", "port": $sink, "tls": "none" }],
  "queue": { "connectionsPerDestination": 50 },
  "limits": { "connections": 20000, "connectionsPerClient": 20000 }
}
JSON
  MALLOC_ARENA_MAX=1 "$root/node_modules/node/bin/node" --max-semi-space-size=8 --expose-gc "$root/src/main.ts" \
    serve --config "$work/$node.json" >"$work/out$node" 2>"$work/log$node" &
  pids+=($!) servers+=($!)
  for _ in $(seq 200); do
    grep -q ready "$work/out$node" && break
    sleep 0.1
  done
  grep -q ready "$work/out$node" || { cat "$work/log$node" >&2; exit 1; }
done

ticks() { for pid in "${servers[@]}"; do cat "/proc/$pid/stat"; done | awk '{ sum += $14 + $15 } END { print sum }'; }
# Of the database, those of its processes that have ended, too.
database() {
  local postmaster
  postmaster=$(head -1 "$work/pg/postmaster.pid")
  cat "/proc/$postmaster/stat" $(pgrep -P "$postmaster" | sed 's|.*|/proc/&/stat|') 2>/dev/null |
    awk -v pid="$postmaster" '{ sum += $14 + $15 + ($1 == pid ? $16 + $17 : 0) } END { print sum }'
}
written() { ask postrider "SELECT pg_current_wal_lsn() - '0/0'"; }
commits() { ask postrider 'SELECT sum(xact_commit) FROM pg_stat_database'; }
machine() { awk '/^cpu /{ print $2 + $3 + $4 }' /proc/stat; }
for round in $(seq "$rounds"); do
  d=$(database) w=$(written) c=$(commits)
  a=$(ticks) m=$(machine) begin=$(date +%s.%N) sources=()
  for port in "${ports[@]}"; do
    smtp-source -d -s $((${SESSIONS:-20} / nodes)) -l 1024 -m $((messages / nodes)) -f a@b.example -t rcpt@dest.example "127.0.0.1:$port" &
    sources+=($!)
  done
  wait "${sources[@]}"
  taken=$(date +%s.%N)
  for _ in $(seq 600); do
    [ "$(ask postrider 'SELECT count(*) FROM recipient')" = 0 ] && break
    sleep 0.1
  done
  over=$(date +%s.%N) b=$(ticks) n=$(machine)
  sleep 2 # The history is told a second later, and the database counts each second.
  e=$(database) x=$(written) f=$(commits) # of what is told later, too
  awk -v round="$round" -v nodes="$nodes" -v count="$messages" -v begin="$begin" -v taken="$taken" -v over="$over" \
    -v ours=$((b - a)) -v all=$((n - m)) -v base=$((e - d)) -v wal=$((x - w)) -v commits=$((f - c)) 'BEGIN {
      printf "%d nodes, round %d: taken %d/s, relayed %d/s, CPU s per 1,000: servers %.2f, database %.2f, machine %.2f; log %d B, commits %.2f\n",
        nodes, round, count / (taken - begin), count / (over - begin), ours * 10 / count, base * 10 / count, all * 10 / count,
        wal / count, commits / count }'
done
if [ -n "$statements" ]; then
  ask postrider "SELECT calls, round(total_exec_time) AS ms, rows, wal_bytes, left(regexp_replace(query, '\s+', ' ', 'g'), 90)
    FROM pg_stat_statements ORDER BY total_exec_time DESC LIMIT 25"
fi
