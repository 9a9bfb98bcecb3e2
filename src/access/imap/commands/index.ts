// What answers each command: one line for each, so that the list can be seen. What the session answers by
// itself (src/imap/session/session.ts) is not here.

import type { OwnersCommand } from '../../../imap/event.ts';
import type { Executor, ExecutorOf } from '../context.ts';
import { deleteAcl, getAcl, listRights, myRights, setAcl } from './acl.ts';
import { check, close, expunge, unselect } from './close.ts';
import { copy } from './copy.ts';
import { fetch } from './fetch.ts';
import { create, remove, rename, subscribe, unsubscribe } from './folders.ts';
import { list, lsub } from './list.ts';
import { getMetadata, setMetadata } from './metadata.ts';
import { notify } from './notify.ts';
import { getQuota, getQuotaRoot, setQuota } from './quota.ts';
import { search, sort, thread } from './search.ts';
import { select } from './select.ts';
import { enable, id, namespace, noop, unauthenticate } from './session.ts';
import { status } from './status.ts';
import { store } from './store.ts';
import { genUrlAuth, resetKey, urlFetch } from './urlauth.ts';

/** APPEND and REPLACE come message by message, as questions of their own. */
const executors: { readonly [N in OwnersCommand['name']]: ExecutorOf<N> } = {
  NOOP: noop,
  ENABLE: enable,
  ID: id,
  NAMESPACE: namespace,
  UNAUTHENTICATE: unauthenticate,
  LIST: list,
  LSUB: lsub,
  CREATE: create,
  DELETE: remove,
  RENAME: rename,
  SUBSCRIBE: subscribe,
  UNSUBSCRIBE: unsubscribe,
  STATUS: status,
  SETACL: setAcl,
  DELETEACL: deleteAcl,
  GETACL: getAcl,
  LISTRIGHTS: listRights,
  MYRIGHTS: myRights,
  GETMETADATA: getMetadata,
  SETMETADATA: setMetadata,
  GETQUOTA: getQuota,
  GETQUOTAROOT: getQuotaRoot,
  SETQUOTA: setQuota,
  SELECT: select,
  EXAMINE: select,
  CLOSE: close,
  UNSELECT: unselect,
  CHECK: check,
  EXPUNGE: expunge,
  FETCH: fetch,
  STORE: store,
  SEARCH: search,
  SORT: sort,
  THREAD: thread,
  COPY: copy,
  MOVE: copy,
  NOTIFY: notify,
  GENURLAUTH: genUrlAuth,
  URLFETCH: urlFetch,
  RESETKEY: resetKey,
};

export const executorOf = ({ name }: OwnersCommand): Executor =>
  // The table gives each name the executor of its own command.
  executors[name] as Executor;

/** At whose end nothing is expunged: they name messages by number. RFC 9051 §7.5.1. */
export const keepsNumbers = (command: OwnersCommand): boolean =>
  'uid' in command && !command.uid && command.name !== 'MOVE' && command.name !== 'COPY';
