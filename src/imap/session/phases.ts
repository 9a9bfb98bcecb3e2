// The order of an IMAP conversation as tables: which command is allowed in which state (RFC 9051 §3 and
// §6), and what is read next. What a command turns on by being used (RFC 7162 §3.1, RFC 9586 §3) is
// in command-rules.ts.

import type { AppendTarget, Command } from '../command.ts';
import type { Completion } from '../event.ts';

/** RFC 9051 §3. */
export type LoginState = 'not-authenticated' | 'authenticated' | 'selected';

/** What is read next, or what is to be done before anything is read. */
export type Phase =
  /** A command, or what stands between the messages of an APPEND. */
  | 'command'
  /** There is a piece of an APPEND to be looked at. */
  | 'append'
  /** Octets of a message. */
  | 'content'
  /** We have sent a challenge: the next line is the client's response. */
  | 'auth'
  /** The client waits for news, until it says DONE. */
  | 'idle'
  /** It has said so: IDLE is completed. */
  | 'idle-done'
  /** STARTTLS was answered with OK: nothing is read before TLS is there. */
  | 'handshake'
  | 'closed';

/** Where everything leads that happens in a phase. A conversation that ends is 'closed' from any. */
export const after = {
  command: {
    literal: 'command',
    append: 'append',
    challenge: 'auth',
    idle: 'idle',
    tls: 'handshake',
  },
  append: { literal: 'command', octets: 'content', refused: 'command', end: 'command' },
  content: { end: 'command' },
  auth: { challenge: 'auth', success: 'command', failure: 'command' },
  idle: { line: 'idle-done' },
  'idle-done': { completed: 'command' },
  handshake: { secure: 'command' },
} as const satisfies { readonly [phase in Phase]?: Readonly<Record<string, Phase>> };

type Name = Command['name'] | AppendTarget['name'];
/** Whether a command is allowed; if not, the reason. */
type Row = Readonly<Record<LoginState, 'yes' | 'log-in' | 'logged-in' | 'select'>>;

const any = row('yes', 'yes', 'yes');
const stranger = row('yes', 'logged-in', 'logged-in');
const loggedIn = row('log-in', 'yes', 'yes');
const selected = row('log-in', 'select', 'yes');

const commands: Readonly<Record<Name, Row>> = {
  // RFC 9051 §6.1
  CAPABILITY: any,
  NOOP: any,
  LOGOUT: any,
  ID: any,
  // §6.2
  STARTTLS: stranger,
  LOGIN: stranger,
  AUTHENTICATE: stranger,
  // §6.3
  UNAUTHENTICATE: loggedIn,
  ENABLE: loggedIn,
  COMPRESS: loggedIn,
  SELECT: loggedIn,
  EXAMINE: loggedIn,
  CREATE: loggedIn,
  DELETE: loggedIn,
  RENAME: loggedIn,
  SUBSCRIBE: loggedIn,
  UNSUBSCRIBE: loggedIn,
  LIST: loggedIn,
  LSUB: loggedIn,
  NAMESPACE: loggedIn,
  STATUS: loggedIn,
  APPEND: loggedIn,
  IDLE: loggedIn,
  NOTIFY: loggedIn,
  GETQUOTA: loggedIn,
  GETQUOTAROOT: loggedIn,
  SETQUOTA: loggedIn,
  GETACL: loggedIn,
  SETACL: loggedIn,
  DELETEACL: loggedIn,
  LISTRIGHTS: loggedIn,
  MYRIGHTS: loggedIn,
  GETMETADATA: loggedIn,
  SETMETADATA: loggedIn,
  GENURLAUTH: loggedIn,
  URLFETCH: loggedIn,
  RESETKEY: loggedIn,
  // §6.4
  CLOSE: selected,
  UNSELECT: selected,
  CHECK: selected,
  EXPUNGE: selected,
  SEARCH: selected,
  SORT: selected,
  THREAD: selected,
  FETCH: selected,
  STORE: selected,
  COPY: selected,
  MOVE: selected,
  REPLACE: selected,
};

/** Where the state of a completion leads; undefined says that it stays. */
export const loginAfter: Readonly<Record<NonNullable<Completion['state']>, LoginState>> = {
  authenticated: 'authenticated',
  selected: 'selected',
  unselected: 'authenticated',
  unauthenticated: 'not-authenticated',
};

// RFC 5530 §3, CLIENTBUG: what a correct client does not do.
export function refusesState(name: Name, state: LoginState): Completion | undefined {
  switch (commands[name][state]) {
    case 'log-in':
      return clientBug('Log in first');
    case 'logged-in':
      return clientBug(`${name} comes before login, and somebody is logged in`);
    case 'select':
      return clientBug('SELECT or EXAMINE a mailbox first');
    default:
      return undefined;
  }
}

const clientBug = (text: string): Completion => ({
  kind: 'completion',
  status: 'BAD',
  code: 'CLIENTBUG',
  text,
});

function row(
  stranger: Row['selected'],
  authenticated: Row['selected'],
  selected: Row['selected'],
): Row {
  return { 'not-authenticated': stranger, authenticated, selected };
}
