// What `postrider dev` is told of catching: inboxes with logins, how much is kept, faults, where mail may be released to.

import { resolve } from 'node:path';
import { parseDuration } from '../base/duration-text.ts';
import type { CatcherSettings, ChaosTriggers } from '../config/catcher.ts';
import { defaultCatcher, noChaos } from '../config/catcher.ts';
import type { DevDoor, DevOptions } from '../config/dev.ts';
import { devPorts } from '../config/dev.ts';
import { hostAndPort, httpUrl } from '../config/settings/setting.ts';
import { CliError, printable } from './context.ts';
import { jsonFrom, textOfFile } from './named-file.ts';

export interface CatcherOptions {
  readonly inboxes?: string;
  readonly maxMessages?: string;
  readonly maxAge?: string;
  readonly chaos?: string;
  readonly relay?: string;
  readonly relayUser?: string;
  readonly relayPasswordFile?: string;
  readonly relayTls?: string;
  readonly privateLinks?: boolean;
  readonly rspamd?: string;
}

/** @throws CliError */
export async function catcherSettings(
  options: CatcherOptions,
  cwd: string,
): Promise<CatcherSettings> {
  return {
    ...defaultCatcher,
    ...(options.inboxes !== undefined && {
      inboxes: await inboxesOf(resolve(cwd, options.inboxes)),
    }),
    ...(options.maxMessages !== undefined && { messagesMax: countOf(options.maxMessages) }),
    ...(options.maxAge !== undefined && { ageMsMax: ageOf(options.maxAge) }),
    ...(options.chaos !== undefined && { chaos: chaosOf(options.chaos) }),
    privateLinks: options.privateLinks === true,
    rspamd: options.rspamd === undefined ? undefined : rspamdOf(options.rspamd),
    relay: options.relay === undefined ? undefined : await relayOf(options, options.relay, cwd),
  };
}

/** `2525` or `http=8080`. @throws CliError */
export function portsOf(given: readonly string[]): NonNullable<DevOptions['ports']> {
  const ports: Partial<Record<DevDoor, number>> = {};
  for (const text of given) {
    const [, door = 'smtp', port = ''] = /^(?:(\w+)=)?(\d{1,5})$/.exec(text) ?? [];
    if (port === '' || Number(port) > 65_535 || !Object.hasOwn(devPorts, door))
      throw new CliError(
        2,
        `--port wants a port, such as 2525, or one of ${Object.keys(devPorts).join(', ')} with its own, such as http=8080, not '${printable(text)}'`,
      );
    ports[door as DevDoor] = Number(port);
  }
  return ports;
}

/** `{ "shop": "secret", … }`. @throws CliError */
async function inboxesOf(path: string): Promise<CatcherSettings['inboxes']> {
  const wrong = (why: string) => new CliError(2, `--inboxes ${printable(path)}: ${printable(why)}`);
  const name = `--inboxes ${printable(path)}`;
  const given = jsonFrom(await textOfFile(path, name), name);
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw wrong('wants { "name": "password", … }');
  const inboxes = Object.entries(given);
  for (const [name, password] of inboxes) {
    if (!/^[a-z0-9][\w.-]{0,63}$/i.test(name))
      throw wrong(`an inbox has a name of letters and digits, not '${name}'`);
    if (typeof password !== 'string' || password === '')
      throw wrong(`the password of ${name} is to be a text`);
  }
  return new Map(inboxes as [string, string][]);
}

function countOf(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1 || count > 10_000_000)
    throw new CliError(
      2,
      `--max-messages wants a number from 1 to 10000000, not '${printable(text)}'`,
    );
  return count;
}

function ageOf(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined || ms === 0)
    throw new CliError(2, `--max-age wants a time such as 12h or 7d, not '${printable(text)}'`);
  return ms;
}

/** As Mailpit writes them: `Sender:451:5,Recipient:550:10,Authentication:535:50`. */
function chaosOf(text: string): ChaosTriggers {
  let triggers = noChaos;
  for (const one of text.split(',')) {
    const [, name = '', code, percent] =
      /^([a-z]+):([45]\d\d):(\d{1,3})%?$/i.exec(one.trim()) ?? [];
    const key = (['sender', 'recipient', 'authentication'] as const).find((each) =>
      each.startsWith(name.toLowerCase().replace(/s$/, '')),
    );
    if (name === '' || key === undefined || Number(percent) > 100)
      throw new CliError(
        2,
        `--chaos wants triggers such as Sender:451:5,Recipient:550:10, not '${printable(one)}'`,
      );
    triggers = { ...triggers, [key]: { code: Number(code), percent: Number(percent) } };
  }
  return triggers;
}

function rspamdOf(text: string): string {
  const wrong = httpUrl('http://127.0.0.1:11333')(text);
  if (wrong !== undefined) throw new CliError(2, `--rspamd ${wrong}`);
  return new URL(text).href;
}

const ways = ['opportunistic', 'require', 'verify', 'none'] as const;

async function relayOf(
  { relayUser, relayPasswordFile, relayTls = 'opportunistic' }: CatcherOptions,
  relay: string,
  cwd: string,
): Promise<CatcherSettings['relay']> {
  const where = hostAndPort(relay);
  if (where === undefined)
    throw new CliError(2, `--relay wants HOST:PORT, not '${printable(relay)}'`);
  const tls = ways.find((way) => way === relayTls);
  if (tls === undefined)
    throw new CliError(2, `--relay-tls can be ${ways.join(', ')}, not '${printable(relayTls)}'`);
  if ((relayUser === undefined) !== (relayPasswordFile === undefined))
    throw new CliError(2, '--relay-user and --relay-password-file belong together');
  const place = { ...where, tls };
  if (relayUser === undefined || relayPasswordFile === undefined) return place;
  const path = resolve(cwd, relayPasswordFile);
  const text = await textOfFile(path, `--relay-password-file ${printable(path)}`);
  const [password = ''] = text.split(/\r?\n/, 1);
  return { ...place, user: relayUser, password };
}
