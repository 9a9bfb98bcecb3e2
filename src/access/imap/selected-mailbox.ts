// A folder as one session has it selected: which messages it knows under which numbers, and what it
// has not been told yet. RFC 9051 §2.3.1.2 and §7.5.

import type { FolderFacts } from '../../store/folder-store.ts';

export interface SelectedMailbox {
  readonly folder: FolderFacts;
  readonly readOnly: boolean;
  /** Messages the session has been told of. */
  readonly messages: number;
  /** UID of a message number from 1. */
  uidAt(number: number): number | undefined;
  /** Message number of a UID, or undefined where the session knows none. */
  numberOf(uid: number): number | undefined;
}
