// A small rspamd: no rules, no network but the DNS it is given; it knows DKIM and the GTUBE pattern, and keeps what it
// learns in a Redis of its own. Its three workers are those that a server asks: normal, controller and proxy (milter).

import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { freePorts } from '../ports.ts';
import type { Daemon } from './daemon.ts';
import { startDaemon } from './daemon.ts';

export interface Rspamd extends Daemon {
  /** The normal worker. */
  readonly url: string;
  readonly controller: string;
  readonly passwordFile: string;
  readonly password: string;
  /** The proxy, as a milter: `inet:host:port`. */
  readonly milter: string;
  /** How many messages of each kind it has learnt, as its Redis says. */
  learnt(): Promise<{ readonly spam: number; readonly ham: number }>;
}

/** `dns`: `'127.0.0.1:5353'`; nobody answers there without it. */
export async function startRspamd({ dns = '127.0.0.1:9' } = {}): Promise<Rspamd> {
  const [redis, ...ports] = (await freePorts(4)) as [number, number, number, number];
  const password = 'password of the test';
  await using undo = new AsyncDisposableStack();
  undo.use(await startRedis(redis));
  const daemon = await startDaemon(
    (home) => {
      writeFileSync(join(home, 'password'), `${password}\n`);
      // Of public suffixes it wants to know some, and of languages nothing: both cost seconds.
      writeFileSync(join(home, 'suffixes'), 'example\norg\ntest\n');
      writeFileSync(join(home, 'conf'), configuration(home, { ports, redis, password, dns }));
      return ['rspamd', '-f', '-i', '-c', join(home, 'conf')];
    },
    async () => (await Promise.all(ports.map(isOpen))).every(Boolean),
  );
  undo.use(daemon);
  const [normal, controller, proxy] = ports;
  const all = undo.move();
  return {
    home: daemon.home,
    [Symbol.asyncDispose]: () => all.disposeAsync(),
    url: `http://127.0.0.1:${normal}`,
    controller: `http://127.0.0.1:${controller}`,
    milter: `inet:127.0.0.1:${proxy}`,
    learnt: () => learntIn(redis),
    ...{ password, passwordFile: join(daemon.home, 'password') },
  };
}

const startRedis = (port: number) =>
  startDaemon(
    (home) => [
      'redis-server',
      ...['--bind', '127.0.0.1', '--port', String(port), '--dir', home],
      ...['--save', '', '--appendonly', 'no'],
    ],
    () => isOpen(port),
  );

interface Given {
  readonly ports: readonly [number, number, number];
  readonly redis: number;
  readonly password: string;
  readonly dns: string;
}

function configuration(home: string, { ports, redis, password, dns }: Given): string {
  const [normal, controller, proxy] = ports;
  const at = (name: string) => `"${join(home, name)}"`;
  return `
options {
  pidfile = ${at('pid')}; control_socket = "${join(home, 'control')} mode=0600"; temp_dir = "${home}";
  cache_file = ${at('cache')}; history_file = ${at('history')}; dynamic_conf = ${at('dynamic')};
  hs_cache_dir = "${home}"; disable_hyperscan = true; disable_monitoring = true;
  url_tld = ${at('suffixes')}; filters = "dkim";
  dns { nameserver = ["${dns}"]; timeout = 2s; retransmits = 2; }
}
dkim { check_local = true; }
lang_detection { languages = ${at('no-languages')}; }
logging { type = "console"; level = "notice"; }
worker "normal" { bind_socket = "127.0.0.1:${normal}"; count = 1; }
worker "controller" {
  bind_socket = "127.0.0.1:${controller}"; count = 1;
  password = "${password}"; enable_password = "${password}";
}
worker "rspamd_proxy" {
  bind_socket = "127.0.0.1:${proxy}"; count = 1; milter = yes; timeout = 10s;
  upstream "local" { default = yes; self_scan = yes; }
}
actions { reject = 15; add_header = 6; }
classifier "bayes" {
  tokenizer { name = "osb"; }
  backend = "redis"; servers = "127.0.0.1:${redis}"; new_schema = true; timeout = 10s;
  min_learns = 1; min_tokens = 1;
  statfile { symbol = "BAYES_HAM"; spam = false; }
  statfile { symbol = "BAYES_SPAM"; spam = true; }
}
group "statistics" { symbols { "BAYES_SPAM" { weight = 7; } "BAYES_HAM" { weight = -3; } } }
`;
}

/** Each value is `$length` and the value, or `$-1`, a line each. */
async function learntIn(redis: number): Promise<{ readonly spam: number; readonly ham: number }> {
  const socket = connect(redis, '127.0.0.1');
  socket.setEncoding('utf8');
  socket.end('HGET RS learns_spam\r\nHGET RS learns_ham\r\nQUIT\r\n');
  let said = '';
  for await (const text of socket) said += text;
  const [spam, ham] = [...said.matchAll(/^\$(?:-1|\d+\r\n(\d+))\r$/gm)].map(([, n]) =>
    Number(n ?? 0),
  );
  return { spam: spam ?? 0, ham: ham ?? 0 };
}

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('error', () => resolve(false));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}
