// What a Sync, and a change within it, may end in. [MS-ASCMD] 2.2.3.177.17.

export const syncStatus = {
  ok: '1',
  wrongKey: '3',
  malformed: '4',
  failed: '5',
  conversion: '6',
  conflict: '7',
  notFound: '8',
  noRoom: '9',
  folders: '12',
  incomplete: '13',
  badWait: '14',
} as const;
