// Where mail is kept: in the data directory, or in a PostgreSQL that several machines share.

import { hostname as machineName } from 'node:os';
import { z } from 'zod';
import type { StoreSettings } from '../../store/stores.ts';
import type { Findings } from '../named-files.ts';
import { secretIn } from '../named-files.ts';
import * as setting from './setting.ts';

const bucket = z.strictObject({
  endpoint: setting.text(
    'a URL',
    { about: 'Of the store, without the bucket: `https://s3.example.net`.' },
    setting.httpUrl('https://s3.example.net'),
  ),
  bucket: setting.text('the name of a bucket', { about: 'Which must be there already.' }),
  region: setting
    .text('a region', {
      about: 'What the store calls where it is; many take any.',
      default: "'us-east-1'",
    })
    .prefault('us-east-1'),
  accessKey: setting.text('a name', { about: 'Whose key signs requests.' }),
  secretKeyFile: setting.file({ about: 'File with the secret key on its first line.' }),
});

const store = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('sqlite') }),
  z.strictObject({
    kind: z.literal('postgres'),
    url: setting.text(
      'an address of PostgreSQL',
      {
        about:
          'The database that all nodes share: PostgreSQL 15 or newer. The password may lie in `~/.pgpass`, or where PGPASSFILE says. Several hosts may be named, of which the one is used that may be written to: `postgres://a,b/db?target_session_attrs=read-write`.',
      },
      (url) =>
        /^postgres(?:ql)?:\/\/\S+$/.test(url)
          ? undefined
          : "must be an address such as 'postgres://postrider@db.example.org/postrider'",
    ),
    node: setting
      .text(
        'a name',
        {
          about: 'What this machine is called among the others; no two have the same.',
          default: "the machine's own name",
        },
        (name) =>
          /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(name)
            ? undefined
            : `must be letters, digits, '.', '_' and '-', not ${setting.shown(name)}`,
      )
      .prefault(() => machineName()),
    connections: setting
      .count({
        about: 'Connections to the database at a time.',
        default: '12',
        min: 3,
        max: 200,
      })
      .prefault(12),
    nodeTimeout: setting
      .duration({
        about:
          'A node that the database has not heard for so long is taken for dead: what it had claimed goes out from another.',
        default: '15s',
        min: '2s',
        max: '10m',
      })
      .prefault('15s'),
    notify: setting
      .flag({
        about:
          'Whether nodes wake each other (LISTEN, NOTIFY), so that each hears at once what the others did. `false` behind a pooler that hands out connections for a transaction (pgbouncer): then each looks by itself, every second or two.',
        default: 'true',
      })
      .prefault(true),
    content: z
      .strictObject({
        s3: bucket.meta({
          about:
            'A store that speaks S3. `region` is `us-east-1` unless given; `secretKeyFile` is a file with the secret key on its first line. What was taken before stays where it is. A rule of the bucket should remove parts of uploads that were broken off.',
          kind: '{ endpoint, bucket, region, accessKey, secretKeyFile }',
        }),
      })
      .optional()
      .meta({
        about: 'Where content above 128 KiB lies: `{ s3 }`; without it in the database, in pieces.',
        kind: '{ s3 }',
      }),
  }),
]);

export const storeSetting = store.prefault({ kind: 'sqlite' }).meta({
  about: 'The kind of store. `sqlite` needs nothing else; `postgres` is for several machines.',
  kind: "{ kind: 'sqlite' } or { kind: 'postgres', url, … }",
  default: "{ kind: 'sqlite' }",
});

export function readStore(
  written: z.output<typeof store> | undefined,
  findings: Findings,
): StoreSettings {
  if (written?.kind !== 'postgres') return { kind: 'sqlite' };
  const { content, ...database } = written;
  if (content === undefined) return database;
  const { secretKeyFile, ...s3 } = content.s3;
  const at = ['store', 'content', 's3', 'secretKeyFile'];
  const secretKey = secretIn(secretKeyFile, at, findings) ?? '';
  return { ...database, content: { s3: { ...s3, secretKey } } };
}
