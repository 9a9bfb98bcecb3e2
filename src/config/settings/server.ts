// Settings of the server as a whole: who it is, where it keeps what it has, how it starts and ends.

import { hostname as machineName } from 'node:os';
import { z } from 'zod';
import * as setting from './setting.ts';

const { choice, count, duration, size, text } = setting;

const store = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('sqlite') }),
  z.strictObject({
    kind: z.literal('postgres'),
    url: text(
      'an address of PostgreSQL',
      {
        about:
          'The database that all nodes share: PostgreSQL 15 or newer. The password may lie in `~/.pgpass`, or where PGPASSFILE says.',
      },
      (url) =>
        /^postgres(?:ql)?:\/\/\S+$/.test(url)
          ? undefined
          : "must be an address such as 'postgres://postrider@db.example.org/postrider'",
    ),
    node: text(
      'a name',
      {
        about: 'What this machine is called among the others; no two have the same.',
        default: "the machine's own name",
      },
      (name) =>
        /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(name)
          ? undefined
          : `must be letters, digits, '.', '_' and '-', not ${setting.shown(name)}`,
    ).prefault(() => machineName()),
    connections: count({
      about: 'Connections to the database at a time.',
      default: '12',
      min: 3,
      max: 200,
    }).prefault(12),
    nodeTimeout: duration({
      about:
        'A node that the database has not heard for so long is taken for dead: what it had claimed goes out from another.',
      default: '15s',
      min: '2s',
      max: '10m',
    }).prefault('15s'),
  }),
]);

export const serverSettings = {
  hostname: setting
    .domain({
      about: 'Our name, in the greeting, EHLO and Received: one that resolves to this machine.',
      default: "the machine's own name",
    })
    .prefault(() => machineName()),
  dataDirectory: setting
    .directory({
      about: 'Where mail, queue and accounts are kept. Nothing else may write there.',
      default: "'./postrider-data'",
    })
    .prefault('postrider-data'),
  store: store.prefault({ kind: 'sqlite' }).meta({
    about: 'The kind of store. `sqlite` needs nothing else; `postgres` is for several machines.',
    kind: "{ kind: 'sqlite' } or { kind: 'postgres', url, … }",
    default: "{ kind: 'sqlite' }",
  }),
  history: z
    .strictObject({
      size: size({
        about:
          'What `why` remembers of messages that are gone: files of this size in all; an eighth more for what was refused.',
        default: '640MiB',
        min: 2 ** 20,
        max: 2 ** 40,
      }).prefault('640MiB'),
    })
    .prefault({})
    .meta({ about: 'The memory of `postrider why`.' }),
  user: text('a user name', {
    about: 'When started as root: who to become once the ports are bound.',
  }).optional(),
  logLevel: choice(['debug', 'info', 'warn', 'error'], {
    about: 'The least important lines that are logged.',
    default: "'info'",
  }).prefault('info'),
  shutdownGrace: duration({
    about: 'What open transactions get to finish when the server stops.',
    default: '30s',
    min: '0s',
    max: '1h',
  }).prefault('30s'),
};
