// Filters of others that look at mail before it is taken: a milter, rspamd or clamd each. They are asked in
// the order of the list, each sees what the one before has made of the message.

import { resolve } from 'node:path';
import { z } from 'zod';
import type { Findings } from '../named-files.ts';
import { secretIn } from '../named-files.ts';
import * as setting from './setting.ts';
import { hostAndPort, shown } from './setting.ts';

const { choice, duration, text } = setting;

const httpUrl = setting.httpUrl('http://127.0.0.1:11333');

const filter = z.strictObject({
  milter: text("'inet:host:port' or the path of a Unix socket", {
    about:
      "A milter (OpenDKIM, rspamd's proxy, clamav-milter …): `'inet:127.0.0.1:8891'`, or the path of its Unix socket.",
  }).optional(),
  rspamd: text(
    'a URL',
    {
      about:
        "rspamd's normal worker, by HTTP: `'http://127.0.0.1:11333'`. What it rejects is refused, what it marks goes into Junk.",
    },
    httpUrl,
  ).optional(),
  controller: text(
    'a URL',
    {
      about:
        "For `rspamd`: its controller worker, such as `'http://127.0.0.1:11334'`, which learns when mail is moved into Junk and out of it. Without it rspamd does not learn from that.",
    },
    httpUrl,
  ).optional(),
  passwordFile: setting
    .file({ about: 'File with the password for rspamd on its first line, where it wants one.' })
    .optional(),
  clamd: text("'inet:host:port' or the path of a Unix socket", {
    about:
      "clamd: `'inet:127.0.0.1:3310'`, or the path of its Unix socket. Mail with what it finds is refused.",
  }).optional(),
  largest: setting
    .size({
      about:
        'For `rspamd` and `clamd`: larger messages are taken without it. `StreamMaxLength` of clamd must be as large.',
      ...{ default: '25MiB', min: 1024, max: 2 ** 30 },
    })
    .prefault('25MiB'),
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

export const filterSettings = {
  filters: z.array(filter).max(20).prefault([]).meta({
    about:
      'Programs that look at mail before it is taken, one after the other; each sees what the one before has made of it.',
    kind: 'a list of filters',
    default: '[]',
  }),
};

type ParsedFilter = z.output<typeof filter>;

/** Where something listens. */
export type Place = { readonly address: string; readonly port: number } | { readonly path: string };

type Common = Omit<
  ParsedFilter,
  'milter' | 'rspamd' | 'clamd' | 'controller' | 'passwordFile' | 'name'
> & {
  readonly name: string;
};

export type FilterConfig = Common &
  (
    | { readonly kind: 'milter' | 'clamd'; readonly place: Place }
    | {
        readonly kind: 'rspamd';
        readonly url: string;
        readonly controller: string | undefined;
        readonly password: string | undefined;
      }
  );

export function readFilter(
  { milter, rspamd, clamd, controller, passwordFile, name, ...rest }: ParsedFilter,
  index: number,
  findings: Findings,
): FilterConfig | undefined {
  const { add } = findings;
  const at = (key: string) => ['filters', index, key];
  const kinds = [milter, rspamd, clamd].filter((kind) => kind !== undefined);
  if (kinds.length !== 1) {
    add(['filters', index], 'must have exactly one of `milter`, `rspamd` and `clamd`');
    return undefined;
  }
  const common = { ...rest, name: name ?? kinds[0]! };
  if (passwordFile !== undefined && rspamd === undefined)
    add(at('passwordFile'), 'is for `rspamd`');
  if (controller !== undefined && rspamd === undefined) add(at('controller'), 'is for `rspamd`');
  if (rspamd !== undefined) {
    const password =
      passwordFile === undefined ? undefined : secretIn(passwordFile, at('passwordFile'), findings);
    return { ...common, kind: 'rspamd', url: rspamd, controller, password };
  }
  const kind = milter === undefined ? 'clamd' : 'milter';
  const place = readPlace(kinds[0]!, at(kind), findings);
  return place && { ...common, kind, place };
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
  const place = hostAndPort(rest.replace(/^(\d{1,5})@(.+)$/, '$2:$1'));
  if (place !== undefined) return { address: place.host, port: place.port };
  add(path, `must be 'inet:host:port' or the path of a Unix socket, not ${shown(written)}`);
  return undefined;
}
