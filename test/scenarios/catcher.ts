// `postrider dev` for a test: on free ports, its mail in memory.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/base/clock.ts';
import { silentLog } from '../../src/base/log.ts';
import { startServer } from '../../src/compose/server.ts';
import type { Config } from '../../src/config/config.ts';
import { type DevOptions, devConfig } from '../../src/config/dev.ts';
import { sendMail } from '../../src/deliver/send-mail/send-mail.ts';
import { openStores } from '../../src/store/open-stores.ts';

export async function startCatcher({
  login,
  ...options
}: DevOptions & { readonly login?: Config['login'] } = {}) {
  const directory = await mkdtemp(join(tmpdir(), 'postrider-catcher-'));
  const stores = await openStores({ directory: ':memory:', log: silentLog, clock: systemClock() });
  const usual = devConfig(directory, { ...options, freePorts: true, dataDirectory: directory });
  const config = { ...usual, ...(login !== undefined && { login }) };
  const server = await startServer({ config, stores, log: silentLog });
  const port = (service: string) =>
    server.listeners.find((one) => one.service === service && one.tls !== 'implicit')!.port;
  return {
    server,
    port,
    url: `http://127.0.0.1:${port('http')}`,
    send: (raw: string, to: readonly string[], more: object = {}) =>
      sendMail({
        ...{ host: '127.0.0.1', port: port('smtp'), tls: 'none', from: 'app@example.com', to },
        ...{ message: Buffer.from(raw.replaceAll('\n', '\r\n')), ...more },
      } as Parameters<typeof sendMail>[0]),
    async [Symbol.asyncDispose]() {
      await server.stop({ graceMs: 0 });
      await rm(directory, { recursive: true, force: true });
    },
  };
}

export type Catcher = Awaited<ReturnType<typeof startCatcher>>;
