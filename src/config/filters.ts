// Filters of others that look at mail before it is taken: a milter, rspamd or clamd each. They are asked in
// the order of the list, each sees what the one before has made of the message.

import { resolve } from 'node:path';
import { z } from 'zod';
import { isAddress } from '../net/network.ts';
import type { Findings } from './named-files.ts';
import * as setting from './setting.ts';
import { isDomain, shown } from './setting.ts';

const { choice, duration, text } = setting;

export const filter = z.strictObject({
  milter: text("'inet:host:port' or the path of a Unix socket", {
    about:
      "A milter (OpenDKIM, rspamd's proxy, clamav-milter …): `'inet:127.0.0.1:8891'`, or the path of its Unix socket.",
  }).optional(),
  name: text('a name', {
    about: 'What it is called in `why`, the log and metrics. Without it: where it is.',
  }).optional(),
  mail: choice(['all', 'incoming', 'submitted'], {
    about: 'Whose mail it sees: of those who log in, of everybody else, or of both.',
    default: "'all'",
  }).prefault('all'),
  onFailure: choice(['accept', 'tempfail'], {
    about:
      'What becomes of mail while it does not answer: taken without it, or refused for now (451).',
    default: "'tempfail'",
  }).prefault('tempfail'),
  connectTimeout: duration({
    about: 'How long it may take to be there.',
    ...{ default: '5s', min: '100ms', max: '1m' },
  }).prefault('5s'),
  commandTimeout: duration({
    about: 'How long for an answer about a client, an address, a field or a piece of a body.',
    ...{ default: '30s', min: '100ms', max: '10m' },
  }).prefault('30s'),
  messageTimeout: duration({
    about: 'How long for the answer about a message.',
    ...{ default: '2m', min: '100ms', max: '10m' },
  }).prefault('2m'),
});

type ParsedFilter = z.output<typeof filter>;

/** Where something listens. */
export type Place = { readonly address: string; readonly port: number } | { readonly path: string };

export type FilterConfig = Omit<ParsedFilter, 'milter' | 'name'> & {
  readonly name: string;
} & { readonly kind: 'milter'; readonly place: Place };

export function readFilter(
  { milter, name, ...rest }: ParsedFilter,
  index: number,
  findings: Findings,
): FilterConfig | undefined {
  const { add } = findings;
  if (milter === undefined) {
    add(['filters', index], "must have `milter: 'inet:127.0.0.1:8891'`, or the path of a socket");
    return undefined;
  }
  const place = readPlace(milter, ['filters', index, 'milter'], findings);
  return place && { ...rest, kind: 'milter', place, name: name ?? milter };
}

/** `inet:host:port`, as Postfix writes it, `inet:port@host`, as Sendmail does; `unix:path`, or a path. */
function readPlace(
  written: string,
  path: readonly PropertyKey[],
  { directory, add }: Findings,
): Place | undefined {
  const [, kind = '', rest = ''] = /^(?:(inet6?|unix|local):)?(.+)$/.exec(written) ?? [];
  if (kind === 'unix' || kind === 'local' || (kind === '' && rest.includes('/')))
    return { path: resolve(directory, rest) };
  const sendmail = /^(?<port>\d{1,5})@(?<host>.+)$/.exec(rest);
  const { host, port } = (sendmail ?? /^(?<host>.+):(?<port>\d{1,5})$/.exec(rest))?.groups ?? {};
  const address = (host ?? '').replace(/^\[(.*)\]$/, '$1');
  if ((isAddress(address) || isDomain(address)) && Number(port) <= 65_535 && Number(port) > 0)
    return { address, port: Number(port) };
  add(path, `must be 'inet:host:port' or the path of a Unix socket, not ${shown(written)}`);
  return undefined;
}
