// What was found out about a message when it came: recorded with it, told by `why`, and read by those who
// judge it later. A new kind is a line in the union and a line in the table. What is recorded outlives
// the program that wrote it, so a kind that is not known any more is told by its name.

export type Finding =
  /** The sender is no address of the account itself, but an alias that leads to it. */
  | { readonly kind: 'sender-alias'; readonly account: string }
  /** One of those whom an alias stands for has no room; others have. */
  | { readonly kind: 'mailbox-full'; readonly account: string }
  /** Authentication-Results in our name that are none of ours were taken out. RFC 8601 §5. */
  | { readonly kind: 'forged-results'; readonly fields: number }
  /** Whatever a policy has to say that no other policy acts upon. */
  | { readonly kind: 'note'; readonly policy: string; readonly text: string };

type Texts = {
  readonly [K in Finding['kind']]: (finding: Extract<Finding, { kind: K }>) => string;
};

const texts: Texts = {
  'sender-alias': ({ account }) => `the sender is an alias of ${account}`,
  'mailbox-full': ({ account }) => `the mailbox of ${account} is full`,
  'forged-results': ({ fields }) =>
    `${fields} Authentication-Results ${fields === 1 ? 'field' : 'fields'} not of ours taken out`,
  note: ({ policy, text }) => `${policy}: ${text}`,
};

/** One line, for people. */
export function findingText(finding: Finding): string {
  const { kind } = finding;
  if (!Object.hasOwn(texts, kind)) return kind;
  return (texts[kind] as (finding: Finding) => string)(finding);
}
