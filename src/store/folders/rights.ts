// Rights of access lists as sets of letters, and how one entry is changed: by the store, in the transaction that writes
// it, so that of two who change it at once neither is lost. RFC 4314.

/** A set of letters, in the order of `allRights`. */
export type Rights = string;

/** RFC 4314 §2.1, in the order in which they are shown. */
export const allRights: Rights = 'lrswipkxtea';

/** RFC 4314 §3.1: '' puts these rights in place of others, '+' adds them, '-' takes them. */
export type RightsChange = '+' | '-' | '';

export const inOrder = (letters: Iterable<string>): Rights => {
  const set = new Set(letters);
  return [...allRights].filter((right) => set.has(right)).join('');
};

export function changeRights(rights: Rights, modify: RightsChange, by: Rights): Rights {
  if (modify === '') return inOrder(by);
  if (modify === '+') return inOrder(rights + by);
  return inOrder([...rights].filter((right) => !by.includes(right)));
}
