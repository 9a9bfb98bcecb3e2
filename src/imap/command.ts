// What a client can ask: every command of RFC 9051 and RFC 3501 and of the extensions in
// capabilities.ts, as a union on `name`. parser.ts makes them of octets. Names of mailboxes are
// decoded (modified UTF-7 or UTF-8, whichever the session is in); what they mean is the owner's affair.

/** `from` and `to` in any order; 0 stands for '*'. RFC 9051 §9, seq-range. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

export type SequenceSet =
  | { readonly kind: 'ranges'; readonly ranges: readonly Range[] }
  /** '$': the saved result. RFC 5182. */
  | { readonly kind: 'saved' };

export interface Partial {
  readonly offset: number;
  readonly length: number;
}

/** RFC 9051 §6.4.5, section-spec. */
export interface Section {
  /** [] is the message itself. */
  readonly part: readonly number[];
  /** undefined: the whole part (or message). */
  readonly text: 'HEADER' | 'HEADER.FIELDS' | 'HEADER.FIELDS.NOT' | 'TEXT' | 'MIME' | undefined;
  /** Of HEADER.FIELDS(.NOT), as the client wrote them. */
  readonly fields: readonly string[];
}

export type FetchItem =
  | {
      readonly kind:
        | 'FLAGS'
        | 'UID'
        | 'INTERNALDATE'
        | 'RFC822.SIZE'
        | 'ENVELOPE'
        | 'BODYSTRUCTURE'
        | 'BODY'
        | 'MODSEQ'
        | 'EMAILID'
        | 'THREADID'
        | 'SAVEDATE';
    }
  | { readonly kind: 'PREVIEW'; readonly lazy: boolean }
  | {
      readonly kind: 'SECTION';
      readonly peek: boolean;
      readonly section: Section;
      readonly partial: Partial | undefined;
      /** How the client asked, which is how it is answered. */
      readonly as: 'BODY' | 'RFC822' | 'RFC822.HEADER' | 'RFC822.TEXT';
    }
  | {
      readonly kind: 'BINARY';
      readonly peek: boolean;
      readonly part: readonly number[];
      readonly partial: Partial | undefined;
    }
  | { readonly kind: 'BINARY.SIZE'; readonly part: readonly number[] };

/** RFC 9394: a window on the result; negative numbers count from the end. */
export interface Window {
  readonly from: number;
  readonly to: number;
}

/** Dates are days since 1970-01-01. */
export type SearchKey =
  | { readonly kind: 'all' }
  | { readonly kind: 'sequence'; readonly set: SequenceSet }
  | { readonly kind: 'uid'; readonly set: SequenceSet }
  | { readonly kind: 'and' | 'or'; readonly keys: readonly SearchKey[] }
  | { readonly kind: 'not'; readonly key: SearchKey }
  /** System flag (with its backslash) or keyword, set or not. */
  | { readonly kind: 'flag'; readonly flag: string; readonly set: boolean }
  /** rev1's \Recent: nothing is recent. */
  | { readonly kind: 'recent'; readonly set: boolean }
  | {
      readonly kind: 'internal' | 'sent' | 'saved';
      readonly is: 'before' | 'on' | 'since';
      readonly day: number;
    }
  /** RFC 8514: whether messages here have a save date at all. */
  | { readonly kind: 'save-date-supported' }
  | { readonly kind: 'larger' | 'smaller'; readonly octets: number }
  /** RFC 5032: within so many seconds, or not. */
  | { readonly kind: 'older' | 'younger'; readonly seconds: number }
  /** BCC, CC, FROM, SUBJECT, TO are this with the field's name in lower case. */
  | { readonly kind: 'header'; readonly name: string; readonly text: string }
  | { readonly kind: 'body' | 'text'; readonly text: string }
  | { readonly kind: 'modseq'; readonly since: number }
  | { readonly kind: 'email-id' | 'thread-id'; readonly id: string };

export type SearchReturn =
  | { readonly kind: 'MIN' | 'MAX' | 'ALL' | 'COUNT' | 'SAVE' }
  | { readonly kind: 'PARTIAL'; readonly window: Window };
/** RFC 5267 and others that are not known: refused by the parser. */

/** What the grammar answers with NO. RFC 5182 §2.1: that empties `$`, too; only with SAVE. */
export interface SearchRefusal {
  readonly code: string | undefined;
  readonly text: string;
}

export type SortCriterion = {
  readonly key:
    | 'ARRIVAL'
    | 'CC'
    | 'DATE'
    | 'FROM'
    | 'SIZE'
    | 'SUBJECT'
    | 'TO'
    | 'DISPLAYFROM'
    | 'DISPLAYTO';
  readonly reverse: boolean;
};

export type StatusItem =
  | 'MESSAGES'
  | 'UIDNEXT'
  | 'UIDVALIDITY'
  | 'UNSEEN'
  | 'DELETED'
  | 'SIZE'
  | 'RECENT'
  | 'HIGHESTMODSEQ'
  | 'MAILBOXID'
  | 'APPENDLIMIT'
  | 'DELETED-STORAGE';

/** RFC 5258, RFC 5819, RFC 6154, RFC 8440, RFC 9590. */
export interface ListOptions {
  readonly reference: string;
  readonly patterns: readonly string[];
  readonly subscribed: boolean;
  readonly remote: boolean;
  readonly recursiveMatch: boolean;
  readonly specialUse: boolean;
  readonly returns: {
    readonly subscribed: boolean;
    readonly children: boolean;
    readonly specialUse: boolean;
    readonly myRights: boolean;
    readonly status: readonly StatusItem[];
    /** RFC 9590: entry names. */
    readonly metadata: readonly string[];
  };
  /** Whether selection or return options were written at all. */
  readonly extended: boolean;
}

/** RFC 7162 §3.2.5. */
export interface QresyncParam {
  readonly uidValidity: number;
  readonly modseq: number;
  readonly knownUids: SequenceSet | undefined;
  readonly match: { readonly sequence: SequenceSet; readonly uids: SequenceSet } | undefined;
}

/** RFC 5465 §5. */
export interface NotifyGroup {
  readonly mailboxes:
    | { readonly kind: 'selected' | 'selected-delayed' | 'inboxes' | 'personal' | 'subscribed' }
    | { readonly kind: 'subtree' | 'mailboxes'; readonly names: readonly string[] };
  /** [] is NONE. Names in upper case; MessageNew has its FETCH items. */
  readonly events: readonly { readonly name: string; readonly items: readonly FetchItem[] }[];
}

/** 'private' is /private in the names, 'shared' is /shared: names are whole and in lower case. */
export interface MetadataEntry {
  readonly name: string;
  /** undefined: NIL, which removes it. */
  readonly value: Uint8Array | undefined;
}

export type Command =
  // Any state.
  | { readonly name: 'CAPABILITY' | 'LOGOUT' }
  | { readonly name: 'NOOP' }
  /** RFC 2971. undefined: NIL. */
  | { readonly name: 'ID'; readonly fields: ReadonlyMap<string, string | undefined> | undefined }
  // Not authenticated.
  | { readonly name: 'STARTTLS' }
  | { readonly name: 'LOGIN'; readonly user: string; readonly password: string }
  | {
      readonly name: 'AUTHENTICATE';
      readonly mechanism: string;
      /** RFC 4959. */
      readonly initial: Uint8Array | undefined;
    }
  // Authenticated.
  | { readonly name: 'ENABLE'; readonly capabilities: readonly string[] }
  | {
      readonly name: 'SELECT' | 'EXAMINE';
      readonly mailbox: string;
      readonly condstore: boolean;
      readonly qresync: QresyncParam | undefined;
    }
  /** `specialUse` without the backslash. RFC 6154 §3. */
  | { readonly name: 'CREATE'; readonly mailbox: string; readonly specialUse: readonly string[] }
  | { readonly name: 'DELETE' | 'SUBSCRIBE' | 'UNSUBSCRIBE'; readonly mailbox: string }
  | { readonly name: 'RENAME'; readonly mailbox: string; readonly to: string }
  | { readonly name: 'LIST'; readonly options: ListOptions }
  | { readonly name: 'LSUB'; readonly reference: string; readonly pattern: string }
  | { readonly name: 'NAMESPACE' | 'UNAUTHENTICATE' }
  | { readonly name: 'STATUS'; readonly mailbox: string; readonly items: readonly StatusItem[] }
  | { readonly name: 'IDLE' }
  /** RFC 4978. */
  | { readonly name: 'COMPRESS' }
  /** RFC 9208. */
  | { readonly name: 'GETQUOTA'; readonly root: string }
  | { readonly name: 'GETQUOTAROOT'; readonly mailbox: string }
  | {
      readonly name: 'SETQUOTA';
      readonly root: string;
      readonly limits: ReadonlyMap<string, number>;
    }
  /** RFC 4314. `modify` is '+', '-' or '' to replace. */
  | {
      readonly name: 'SETACL';
      readonly mailbox: string;
      readonly identifier: string;
      readonly modify: '+' | '-' | '';
      readonly rights: string;
    }
  | {
      readonly name: 'DELETEACL' | 'LISTRIGHTS';
      readonly mailbox: string;
      readonly identifier: string;
    }
  | { readonly name: 'GETACL' | 'MYRIGHTS'; readonly mailbox: string }
  /** RFC 5464; '' is the server. */
  | {
      readonly name: 'GETMETADATA';
      readonly mailbox: string;
      readonly entries: readonly string[];
      readonly depth: '0' | '1' | 'infinity';
      readonly maxSize: number | undefined;
    }
  | {
      readonly name: 'SETMETADATA';
      readonly mailbox: string;
      readonly entries: readonly MetadataEntry[];
    }
  /** RFC 4467: URLs are octets; a mechanism is in upper case. */
  | {
      readonly name: 'GENURLAUTH';
      readonly urls: readonly { readonly url: string; readonly mechanism: string }[];
    }
  | { readonly name: 'URLFETCH'; readonly urls: readonly string[] }
  /** undefined: of all mailboxes. */
  | {
      readonly name: 'RESETKEY';
      readonly mailbox: string | undefined;
      readonly mechanisms: readonly string[];
    }
  /** RFC 5465; undefined: NONE. */
  | {
      readonly name: 'NOTIFY';
      readonly groups: readonly NotifyGroup[] | undefined;
      readonly status: boolean;
    }
  // Selected.
  | { readonly name: 'CLOSE' | 'UNSELECT' | 'CHECK' }
  /** `uids` only with UID EXPUNGE. */
  | { readonly name: 'EXPUNGE'; readonly uids: SequenceSet | undefined }
  | {
      readonly name: 'SEARCH';
      readonly uid: boolean;
      readonly key: SearchKey;
      /** undefined: no RETURN was written, and the answer is rev1's untagged SEARCH (rev2: ESEARCH). */
      readonly returns: readonly SearchReturn[] | undefined;
      readonly refusal?: SearchRefusal;
    }
  | {
      readonly name: 'SORT';
      readonly uid: boolean;
      readonly criteria: readonly SortCriterion[];
      readonly key: SearchKey;
      readonly returns: readonly SearchReturn[] | undefined;
      readonly refusal?: SearchRefusal;
    }
  | {
      readonly name: 'THREAD';
      readonly uid: boolean;
      readonly algorithm: 'ORDEREDSUBJECT' | 'REFERENCES';
      readonly key: SearchKey;
    }
  | {
      readonly name: 'FETCH';
      readonly uid: boolean;
      readonly set: SequenceSet;
      readonly items: readonly FetchItem[];
      /** RFC 7162 §3.1.4.1. */
      readonly changedSince: number | undefined;
      /** RFC 7162 §3.2.6. */
      readonly vanished: boolean;
      /** RFC 9394 §3.3. */
      readonly window: Window | undefined;
    }
  | {
      readonly name: 'STORE';
      readonly uid: boolean;
      readonly set: SequenceSet;
      readonly change: 'add' | 'remove' | 'replace';
      readonly silent: boolean;
      readonly flags: readonly string[];
      /** RFC 7162 §3.1.3. */
      readonly unchangedSince: number | undefined;
    }
  | {
      readonly name: 'COPY' | 'MOVE';
      readonly uid: boolean;
      readonly set: SequenceSet;
      readonly mailbox: string;
    };

/** Of commands that share a shape, those of these names. */
type Named<C extends Command, N> = C extends Command
  ? [Extract<N, C['name']>] extends [never]
    ? never
    : C & { readonly name: Extract<N, C['name']> }
  : never;
export type CommandOf<N extends Command['name']> = Named<Command, N>;

/** The beginning of APPEND (RFC 9051 §6.3.12) or REPLACE (RFC 8508), whose messages follow. */
export type AppendTarget =
  | { readonly name: 'APPEND'; readonly mailbox: string }
  | {
      readonly name: 'REPLACE';
      readonly mailbox: string;
      readonly uid: boolean;
      /** Message number or UID; 0 is '*'. */
      readonly number: number;
    };

/** One message of an APPEND, before its octets. */
export interface AppendMessage {
  readonly flags: readonly string[];
  /** Internal date, milliseconds since the epoch. */
  readonly date: number | undefined;
  /** Octets announced; undefined for CATENATE (RFC 4469), whose parts follow one by one. */
  readonly octets: number | undefined;
  /** literal8 `~{n}`, or the UTF8 data item of RFC 6855: may hold NUL, or 8-bit header fields. */
  readonly binary: boolean;
}

export type CatenatePart =
  | { readonly kind: 'text'; readonly octets: number }
  /** RFC 5092, relative to the server: `/mailbox;UIDVALIDITY=1/;UID=20/;SECTION=1.2`. */
  | { readonly kind: 'url'; readonly url: string };
