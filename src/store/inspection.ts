// What is found when a store is looked at without opening it: how much is there, and what does not fit
// together. at-rest.ts looks.

import type { ContentProblem } from './content.ts';

export interface StoreCounts {
  readonly accounts: number;
  readonly folders: number;
  /** In mailboxes; copies count. */
  readonly messages: number;
  /** In the queue. */
  readonly queued: number;
  /** Content in files of its own. */
  readonly files: number;
}

/** Where content is used. */
export interface ContentUse {
  readonly account: string;
  readonly folder: string;
  readonly uid: number;
  /** For `mail show`. */
  readonly id: string;
}

export type StoreFault =
  | {
      readonly kind: 'content';
      readonly content: number;
      readonly problem: ContentProblem;
      /** With the path, for the operator. */
      readonly text: string;
      readonly mails: readonly ContentUse[];
      /** Ids in the queue. */
      readonly queued: readonly string[];
    }
  /** `file`: of a backup. */
  | { readonly kind: 'database' | 'journal' | 'file'; readonly text: string };

export interface Inspection {
  readonly counts: StoreCounts;
  readonly faults: readonly StoreFault[];
}

export interface InspectionOptions {
  readonly directory: string;
  /**
   * `names`: whether files are there, and as long as they should be. `all`: every octet of them is read,
   * and every page of the database looked at.
   */
  readonly depth: 'names' | 'all';
  /** Nobody writes to it: then the journal can be looked at, too. */
  readonly atRest?: boolean;
  readonly onProgress?: (what: string, done: number, total: number) => void;
}

export interface ContentFile {
  readonly content: number;
  readonly key: string;
  readonly size: number;
}
