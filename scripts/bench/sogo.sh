#!/bin/bash
# sogo.sh WINDOWS URL USER PASSWORD PID: SOGo, with all it needs of its own (PostgreSQL, memcached, Dovecot) on loopback, is
# asked by scripts/bench/activesync.ts in turns with the Postrider that runs at URL as PID and has 10,000 messages of 4 KiB
# in USER's INBOX. SOGo has as many; of its first sync, which takes minutes, only so many windows of 100 are timed, and its
# Syncs without changes are of another INBOX, with 300 messages. The processor time of SOGo is sogod's alone. Needs root, postgresql-15, dovecot-imapd, memcached and sogo-activesync.
set -euo pipefail
windows=$1 url=$2 account=$3 password=$4 pid=$5
root=$(cd "$(dirname "$0")/../.." && pwd)
bin=/usr/lib/postgresql/15/bin
work=$(mktemp -d /var/tmp/postrider-sogo.XXXX)
chmod 755 "$work"
database=33432 cache=33211 imap=33143 http=33080
pids=()

end() {
  [ "${#pids[@]}" = 0 ] || kill "${pids[@]}" 2>/dev/null || true
  [ ! -f "$work/sogo.pid" ] || kill "$(cat "$work/sogo.pid")" 2>/dev/null || true
  doveadm -c "$work/dovecot.conf" stop 2>/dev/null || true
  wait 2>/dev/null || true
  su postgres -c "$bin/pg_ctl -D $work/pg -w -m fast stop" >/dev/null || true
  rm -rf "$work"
}
trap end EXIT

mkdir "$work/pg" "$work/mail"
chown postgres "$work/pg"
su postgres -c "$bin/initdb -D $work/pg -A trust -U sogo --no-instructions >/dev/null &&
  $bin/pg_ctl -D $work/pg -w -l $work/pg/log start -o '-p $database -k $work/pg -c listen_addresses=127.0.0.1' >/dev/null"
psql -q -h 127.0.0.1 -p $database -U sogo -d postgres -c 'CREATE DATABASE sogo'
psql -q -h 127.0.0.1 -p $database -U sogo -d sogo <<SQL
CREATE TABLE users (c_uid text PRIMARY KEY, c_name text, c_password text, c_cn text, mail text);
INSERT INTO users VALUES ('u0@local.test', 'u0@local.test', 'pw', 'U', 'u0@local.test'),
  ('u1@local.test', 'u1@local.test', 'pw', 'V', 'u1@local.test');
SQL
memcached -u nobody -l 127.0.0.1 -p $cache >/dev/null 2>&1 &
pids+=($!)

fill() { node - "$work/mail/$1" "$2" <<'JS'; }
const { mkdirSync, writeFileSync } = require('node:fs');
const [, , folder, count] = process.argv;
for (const each of ['cur', 'new', 'tmp']) mkdirSync(`${folder}/${each}`, { recursive: true });
const words = 'alpha bravo charlie delta echo foxtrot golf hotel india juliet kilo lima'.split(' ');
for (let i = 0; i < Number(count); i += 1) {
  let body = '';
  while (body.length < 4096)
    body += `${Array.from({ length: 11 }, () => words[Math.floor(Math.random() * 12)]).join(' ')}\r\n`;
  writeFileSync(
    `${folder}/cur/${1_700_000_000 + i}.M${i}.host:2,`,
    `From: Eve <eve${i % 97}@far.test>\r\nTo: u0@local.test\r\nSubject: Message ${i}\r\nMessage-ID: <m${i}@far.test>\r\nContent-Type: text/plain\r\n\r\n${body}`,
  );
}
JS
fill u0@local.test 10000
fill u1@local.test 300
chown -R nobody "$work/mail"
cat >"$work/dovecot.conf" <<CONF
base_dir = $work/run
log_path = $work/dovecot.log
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
mail_location = maildir:$work/mail/%u
first_valid_uid = 1
passdb {
  driver = static
  args = password=pw
}
userdb {
  driver = static
  args = uid=nobody gid=nogroup home=$work/mail/%u
}
service imap-login {
  inet_listener imap {
    port = $imap
  }
  inet_listener imaps {
    port = 0
  }
}
namespace inbox {
  inbox = yes
  separator = /
}
CONF
dovecot -c "$work/dovecot.conf"
# Field: SOGo finds nothing new in a folder of Dovecot's for whose modseq nobody has asked yet.
for user in u0 u1; do
  exec 3<>"/dev/tcp/127.0.0.1/$imap"
  printf '%s\r\n' "a LOGIN $user@local.test pw" 'b SELECT INBOX (CONDSTORE)' 'c STATUS INBOX (HIGHESTMODSEQ)' 'd LOGOUT' >&3
  timeout 30 cat <&3 >/dev/null
  exec 3>&-
done

at="postgresql://sogo@127.0.0.1:$database/sogo"
cat >"$work/sogo.conf" <<CONF
{
  WOPort = "127.0.0.1:$http"; WOWorkersCount = 4; WOPidFile = "$work/sogo.pid"; WOLogFile = "$work/sogo.log";
  SOGoMemcachedHost = "127.0.0.1:$cache"; SOGoIMAPServer = "imap://127.0.0.1:$imap"; SOGoTimeZone = UTC;
  SOGoProfileURL = "$at/sogo_user_profile"; OCSFolderInfoURL = "$at/sogo_folder_info";
  OCSSessionsFolderURL = "$at/sogo_sessions_folder"; OCSEMailAlarmsFolderURL = "$at/sogo_alarms_folder";
  OCSStoreURL = "$at/sogo_store"; OCSAclURL = "$at/sogo_acl"; OCSCacheFolderURL = "$at/sogo_cache_folder";
  SOGoUserSources = ( { type = sql; id = users; viewURL = "$at/users"; canAuthenticate = YES; isAddressBook = NO;
    userPasswordAlgorithm = plain; MailFieldNames = (mail); } );
}
CONF
chown sogo "$work" "$work/sogo.conf"
# It reads its configuration from there and nowhere else.
unshare -m bash -c "mount --bind $work/sogo.conf /etc/sogo/sogo.conf && cd $work &&
  exec setpriv --reuid sogo --regid sogo --init-groups sogod -WONoDetach YES -WOWorkersCount 4 \
    -WOLogFile $work/sogo.log -WOPidFile $work/sogo.pid" >/dev/null 2>&1 &
pids+=($!)
sleep 6
sogod=$(pgrep -x -d, -u sogo sogod)

node=$root/node_modules/node/bin/node
ask() { echo -n "$1 " && shift && "$node" "$root/scripts/bench/activesync.ts" "$@"; }
for round in 1 2; do
  ask Postrider "$url" "$account" "$password" "$pid" first
  ask SOGo "http://127.0.0.1:$http/SOGo" u0@local.test pw "$sogod" "first:$windows"
  ask Postrider "$url" "$account" "$password" "$pid" same:300
  ask SOGo "http://127.0.0.1:$http/SOGo" u1@local.test pw "$sogod" same:50
done
