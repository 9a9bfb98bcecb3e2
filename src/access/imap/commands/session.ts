// NAMESPACE, ID, NOOP, ENABLE and UNAUTHENTICATE: about the session rather than about mail. RFC 2342,
// RFC 2971, RFC 8437.

import { version } from '../../../base/version.ts';
import { othersPrefix } from '../../../mailbox/folder-name.ts';
import type { ExecutorOf } from '../context.ts';
import { ok } from '../refusal.ts';
import { stringText } from '../words.ts';

/** The session has done it. */
export const enable: ExecutorOf<'ENABLE'> = () => ok('ENABLE completed');

export const noop: ExecutorOf<'NOOP'> = () => ok('NOOP completed');

// RFC 9051 §6.3.10: personal, those of other users, shared.
export const namespace: ExecutorOf<'NAMESPACE'> = (_, context) => {
  context.untagged(`NAMESPACE (("" "/")) ((${stringText(othersPrefix)} "/")) NIL`);
  return ok('NAMESPACE completed');
};

/** Limit: characters of what a client says of itself that are logged. */
const loggedLength = 100;

export const id: ExecutorOf<'ID'> = ({ fields }, context) => {
  const { account, admin, log } = context;
  const said = (name: string) => fields?.get(name)?.slice(0, loggedLength);
  if (fields !== undefined)
    log.info('client', { program: said('name'), programVersion: said('version'), os: said('os') });
  // RFC 2971 §6: which version it is need not be known to everybody.
  const ours = [
    ['name', 'Postrider'],
    ...(account === '' ? [] : [['version', version]]),
    ['vendor', 'Postrider'],
    ['support-url', admin],
  ];
  context.untagged(`ID (${ours.flat().map(stringText).join(' ')})`);
  return ok('ID completed');
};

// RFC 8437 §3: as after the connection was made; TLS and compression stay.
export const unauthenticate: ExecutorOf<'UNAUTHENTICATE'> = () => ({
  ...ok('UNAUTHENTICATE completed'),
  state: 'unauthenticated',
});
