// What `postrider dev` can be told beyond where it listens: inboxes with logins of their own, how much is kept, faults
// on purpose, and where mail may be released to. A server never has any of it.

export interface CatcherSettings {
  /** Name of each inbox that has a login of its own, to its password. */
  readonly inboxes: ReadonlyMap<string, string>;
  /** Messages that are kept; the oldest go. */
  readonly messagesMax: number;
  /** How long each is kept; undefined: for as long as there is room. */
  readonly ageMsMax: number | undefined;
  readonly chaos: ChaosTriggers;
  /** Where a message goes that somebody releases; undefined: nothing ever leaves. */
  readonly relay?: ReleaseRelay | undefined;
  /** Whether a check of links may ask private addresses, too. */
  readonly privateLinks: boolean;
  /** The rspamd that says how much like spam a message is, `http://127.0.0.1:11333`; undefined: none. */
  readonly rspamd?: string | undefined;
}

export interface ReleaseRelay {
  readonly host: string;
  readonly port: number;
  readonly tls: 'none' | 'opportunistic' | 'require' | 'verify';
  readonly user?: string;
  readonly password?: string;
}

/** Faults by chance. */
export interface ChaosTriggers {
  readonly sender: ChaosTrigger;
  readonly recipient: ChaosTrigger;
  readonly authentication: ChaosTrigger;
}

export interface ChaosTrigger {
  /** The reply's code, 400 to 599. */
  readonly code: number;
  /** Of a hundred. */
  readonly percent: number;
}

export const noChaos: ChaosTriggers = {
  sender: { code: 451, percent: 0 },
  recipient: { code: 451, percent: 0 },
  authentication: { code: 535, percent: 0 },
};

export const defaultCatcher: CatcherSettings = {
  inboxes: new Map(),
  messagesMax: 10_000,
  ageMsMax: undefined,
  chaos: noChaos,
  privateLinks: false,
};
