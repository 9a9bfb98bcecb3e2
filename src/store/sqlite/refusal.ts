// Why a change of the mailboxes is not made: an answer, noticed before anything was written.

import type { RefusedRow } from './requests.ts';

export const noFolder = (what: number | string): RefusedRow => ({
  refused: 'no-folder',
  message: `there is no folder ${what}`,
});

export const exists = (path: string): RefusedRow => ({
  refused: 'exists',
  message: `there is a folder ${path} already`,
});

export const limit = (message: string): RefusedRow => ({ refused: 'limit', message });
