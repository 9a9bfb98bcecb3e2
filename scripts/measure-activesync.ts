// Measures Exchange ActiveSync on a server on loopback, with the phone that tests use:
// `node scripts/measure-activesync.ts URL USER PASSWORD [first|same|ping[:PHONES]]…`.
// first: the INBOX as it is (fill it before), in windows of 100, plain bodies. same: Syncs without changes. ping: so many
// phones wait at once, and what the server has in memory then (`/metrics`).

import { Phone } from '../test/activesync/phone.ts';

const [url = '', user = '', password = '', ...wanted] = process.argv.slice(2);

async function setUp(id: string): Promise<{ phone: Phone; inbox: string }> {
  const phone = new Phone({ url, user, password, version: '16.1', id });
  await phone.setUp();
  return { phone, inbox: phone.folder('2') };
}

const say = (text: string) => process.stdout.write(`${text}\n`);

async function first(): Promise<void> {
  const { phone, inbox } = await setUp(`first${Date.now()}`);
  const start = performance.now();
  const answers = await phone.sync(inbox, 100);
  const seconds = (performance.now() - start) / 1000;
  const messages = phone.in(inbox).size;
  say(
    `first: ${messages} messages in ${answers} answers, ${seconds.toFixed(2)} s, ${Math.round(messages / seconds)}/s`,
  );
}

async function same(): Promise<void> {
  const { phone, inbox } = await setUp('same');
  await phone.sync(inbox, 512);
  const times: number[] = [];
  for (let i = 0; i < 500; i += 1) {
    const start = performance.now();
    await phone.syncOnce(inbox);
    times.push(performance.now() - start);
  }
  times.sort((one, other) => one - other);
  say(`same: median ${times[250]!.toFixed(2)} ms, 99 % under ${times[495]!.toFixed(2)} ms`);
}

async function memory(): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/process_resident_memory_bytes (\S+)/.exec(text)?.[1] ?? Number.NaN) / 2 ** 20;
}

async function ping(phones: number): Promise<void> {
  const before = await memory();
  const stop = new AbortController();
  const waiting: Promise<unknown>[] = [];
  for (let i = 0; i < phones; i += 1) {
    const { phone, inbox } = await setUp(`ping${i % 40}`);
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
