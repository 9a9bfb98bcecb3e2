// Who changed what: a line for each operation that changes something, whoever asked and however, and for each
// login to the console. Kept for a year, and never more than so many lines; no secret and no mail is in them. What owners
// of accounts do has lines of its own, so that nobody who reads mail here can push out what operators did. It is written
// behind the operation: one that cannot be written is in the server's log, and nothing stops for it.

import { randomBytes } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import { stackOf } from '../../base/error-text.ts';
import type { Log } from '../../base/log.ts';
import type { RecordStore } from '../../store/record-store.ts';

export interface AuditEntry {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** `administrator ann`, `token backup`, `command line` … */
  readonly who: string;
  /** Its address; '' on this machine. */
  readonly client: string;
  /** An operation, `login` or `logout`. */
  readonly what: string;
  /** What was asked for, without secrets, as JSON. */
  readonly input: string;
  /** `done`, or why not. */
  readonly outcome: string;
}

export interface AuditPage {
  /** Only before this: the `cursor` of the page before. */
  readonly before?: string | undefined;
  readonly limit: number;
}

const kinds = { operators: 'audit', accounts: 'audit-account' } as const;
type Kind = (typeof kinds)[keyof typeof kinds];
const kindOf = (who: string): Kind => kinds[who.startsWith('account ') ? 'accounts' : 'operators'];

/** Limit: lines of each kind. Those above it go in the order in which they came. */
const usualEntriesMax = 20_000;
const keptMs = 400 * 86_400_000;
/** Limits: characters of one text in an input, of all of it, and items of a list. */
const textMax = 200;
const inputMax = 2_000;
const itemsMax = 20;

export interface AuditLogParts {
  readonly records: RecordStore;
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Log;
  readonly entriesMax?: number;
}

export class AuditLog {
  readonly #parts: AuditLogParts;
  #writing: Promise<void> = Promise.resolve();
  #written = 0;

  constructor(parts: AuditLogParts) {
    this.#parts = parts;
  }

  /** Never throws, never waits. */
  note({ input, ...entry }: Omit<AuditEntry, 'at' | 'input'> & { readonly input: unknown }): void {
    const at = this.#parts.clock.now();
    const said = JSON.stringify(withoutSecrets(input)) ?? '';
    const value = JSON.stringify({ ...entry, at, input: said.slice(0, inputMax) });
    this.#writing = this.#writing
      .then(() => this.#write(kindOf(entry.who), at, value))
      .catch((error: unknown) => this.#parts.log.error('audit log', { error: stackOf(error) }));
  }

  /** Resolves when what was noted so far is written. */
  flush(): Promise<void> {
    return this.#writing;
  }

  /** The latest first. */
  async page({ before, limit }: AuditPage): Promise<readonly (AuditEntry & { cursor: string })[]> {
    await this.flush();
    const { records } = this.#parts;
    const asked = { after: before, limit };
    const found = await Promise.all(Object.values(kinds).map((kind) => records.list(kind, asked)));
    return found
      .flat()
      .sort((a, b) => (a.key < b.key ? -1 : 1))
      .slice(0, limit)
      .map(({ key, value }) => ({ ...(JSON.parse(value) as AuditEntry), cursor: key }));
  }

  async #write(kind: Kind, at: number, value: string): Promise<void> {
    const { records } = this.#parts;
    await records.put([{ kind, key: this.#keyAt(at), value, expires: at + keptMs }]);
    const { entriesMax = usualEntriesMax } = this.#parts;
    // Some more than there may be, so that few writes make room.
    const over = Math.ceil(entriesMax / 40);
    if ((await records.count(kind)) < entriesMax + over) return;
    const kept = await records.list(kind, { limit: entriesMax });
    const last = kept.at(-1)?.key;
    const older = await records.list(kind, { after: last, limit: 2 * over });
    await records.remove(
      kind,
      older.map(({ key }) => key),
    );
  }

  /** In the order of their keys the latest comes first, and records are listed in that order only. */
  #keyAt(at: number): string {
    this.#written += 1;
    const before = (0xffff_ffff - this.#written).toString(16);
    const time = (Number.MAX_SAFE_INTEGER - at).toString().padStart(16, '0');
    return `${time}-${before}-${randomBytes(4).toString('hex')}`;
  }
}

/** `present` is the password that there is. */
const secretNames = /password|secret|token|code|content|raw|privateKey|hmac|response|^present$/i;
/** Members of an input that are mail; further down, such a name is what somebody looks for, or a setting. */
const mailNames = /^(?:text|html|message|subject|headers|attachments)$/;
const depthMax = 4;

/** The same with what is secret, and what mail says, left out, and what is long cut off. */
export function withoutSecrets(input: unknown, depth = depthMax): unknown {
  if (typeof input === 'string')
    return input.length <= textMax ? input : `${input.slice(0, textMax)}…`;
  if (input instanceof Uint8Array) return `${input.length} octets`;
  if (typeof input !== 'object' || input === null) return input;
  if (depth === 0) return '…';
  if (Array.isArray(input)) {
    const shown = input.slice(0, itemsMax).map((item) => withoutSecrets(item, depth - 1));
    return input.length <= itemsMax ? shown : [...shown, `… ${input.length - itemsMax} more`];
  }
  const isHidden = (name: string) =>
    secretNames.test(name) || (depth === depthMax && mailNames.test(name));
  return Object.fromEntries(
    Object.entries(input).map(([name, value]) => [
      name,
      isHidden(name) && value !== undefined ? '…' : withoutSecrets(value, depth - 1),
    ]),
  );
}
