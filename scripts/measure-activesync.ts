// Measures Exchange ActiveSync on a server on loopback, with the phone that tests use:
// `node scripts/measure-activesync.ts URL USER PASSWORD [first|same|ping[:PHONES]]…`.
// first: the INBOX as it is (fill it before), in windows of 100, plain bodies. same: Syncs without changes. ping: so many
// phones wait at once, and what the server has in memory then (`/metrics`); an account has at most 50, so that for more of
// them USER has a `{}` in it, for which 0, 1, 2 … stand. Processor time is the server's (all threads), and the phone's own:
// it does not depend on who else uses the machine as much as the time on the clock does.

import { Phone } from '../test/activesync/phone.ts';

const [url = '', user = '', password = '', ...wanted] = process.argv.slice(2);

/** Phones of one account. */
const perAccount = 40;

async function setUp(id: string, place = 0): Promise<{ phone: Phone; inbox: string }> {
  const account = user.replace('{}', String(Math.floor(place / perAccount)));
  const phone = new Phone({ url, user: account, password, version: '16.1', id });
  await phone.setUp();
  return { phone, inbox: phone.folder('2') };
}

const say = (text: string) => process.stdout.write(`${text}\n`);

/** Milliseconds of processor time so far: the server's, ours. */
async function spent(): Promise<{ readonly server: number; readonly phone: number }> {
  const { user: inUser, system } = process.cpuUsage();
  return {
    server: (await metric('postrider_process_cpu_seconds_total')) * 1000,
    phone: (inUser + system) / 1000,
  };
}

async function spentSince(before: Awaited<ReturnType<typeof spent>>, count: number) {
  const now = await spent();
  const each = (ms: number) => (ms / count).toFixed(3);
  return `processor time of each: server ${each(now.server - before.server)} ms, phone ${each(now.phone - before.phone)} ms`;
}

async function first(): Promise<void> {
  const { phone, inbox } = await setUp(`first${Date.now()}`);
  await phone.syncOnce(inbox, [['AirSync:WindowSize', '1']]);
  const before = await spent();
  const start = performance.now();
  const answers = await phone.sync(inbox, 100);
  const seconds = (performance.now() - start) / 1000;
  const messages = phone.in(inbox).size;
  say(
    `first: ${messages} messages in ${answers} answers, ${seconds.toFixed(2)} s, ${Math.round(messages / seconds)}/s; ${await spentSince(before, messages)}`,
  );
}

async function same(): Promise<void> {
  const { phone, inbox } = await setUp('same');
  await phone.sync(inbox, 512);
  const times: number[] = [];
  const before = await spent();
  for (let i = 0; i < 500; i += 1) {
    const start = performance.now();
    // Who asks the very same so often is slowed.
    await phone.syncOnce(inbox, [['AirSync:WindowSize', String(1 + (i % 512))]]);
    times.push(performance.now() - start);
  }
  times.sort((one, other) => one - other);
  say(
    `same: median ${times[250]!.toFixed(2)} ms, 99 % under ${times[495]!.toFixed(2)} ms; ${await spentSince(before, times.length)}`,
  );
}

async function metric(name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\S+)`, 'm').exec(text)?.[1] ?? Number.NaN);
}

const memory = async () => (await metric('postrider_process_resident_memory_bytes')) / 2 ** 20;

async function ping(phones: number): Promise<void> {
  const before = await memory();
  const stop = new AbortController();
  const waiting: Promise<unknown>[] = [];
  for (let i = 0; i < phones; i += 1) {
    const { phone, inbox } = await setUp(`ping${i % perAccount}`, i);
    phone.take((await phone.ask('Sync', phone.request(inbox))).doc!);
    await phone.sync(inbox, 512);
    waiting.push(
      phone
        .ask(
          'Ping',
          [
            'Ping:Ping',
            ['Ping:HeartbeatInterval', '600'],
            ['Ping:Folders', ['Ping:Folder', ['Ping:Id', inbox]]],
          ],
          { signal: stop.signal },
        )
        .catch(() => undefined),
    );
  }
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  say(
    `ping: ${phones} phones, ${before.toFixed(0)} MiB before, ${(await memory()).toFixed(0)} MiB`,
  );
  stop.abort();
  await Promise.all(waiting);
}

for (const each of wanted) {
  const [what, count = '40'] = each.split(':');
  if (what === 'first') await first();
  else if (what === 'same') await same();
  else if (what === 'ping') await ping(Number(count));
}
