// Settings of the server as a whole: who it is, where it keeps what it has, how it starts and ends.

import { hostname as machineName } from 'node:os';
import { z } from 'zod';
import * as setting from './setting.ts';
import { storeSetting } from './store.ts';

const { choice, duration, size, text } = setting;

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
  store: storeSetting,
  history: z
    .strictObject({
      size: size({
        about:
          'What `why` remembers of messages that are gone: files of this size in all; an eighth more for what was refused.',
        default: '640MiB',
        min: 2 ** 20,
        max: 2 ** 40,
      }).prefault('640MiB'),
      keep: duration({
        about:
          'With `store.kind` `postgres`: how long what happened is known to all nodes; the files of each are what has not been copied yet, and a spare.',
        default: '30d',
        min: '1d',
        max: '366d',
      }).prefault('30d'),
    })
    .prefault({})
    .meta({ about: 'The memory of `postrider why`.' }),
  user: text(
    'a user name',
    { about: 'When started as root: who to become once the ports are bound.' },
    (name) =>
      /[\u0000-\u001f\u007f:]/.test(name)
        ? `must be a user name, not ${setting.shown(name)}`
        : undefined,
  ).optional(),
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
