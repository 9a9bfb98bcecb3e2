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
  /** RFC 8601 §2.7.3: the name of the client's address, if it leads back to it. */
  | {
      readonly kind: 'iprev';
      readonly result: string;
      readonly address: string;
      readonly name?: string | undefined;
    }
  /** RFC 7208, of MAIL FROM's domain or of HELO's. */
  | {
      readonly kind: 'spf';
      readonly identity: 'mailfrom' | 'hello';
      readonly result: string;
      readonly domain: string;
      readonly problem?: string | undefined;
    }
  /** RFC 6376; one for each signature, or one `none`. `signature` is the beginning of it. */
  | {
      readonly kind: 'dkim';
      readonly result: string;
      readonly domain?: string | undefined;
      readonly selector?: string | undefined;
      readonly signature?: string | undefined;
      readonly problem?: string | undefined;
    }
  /** RFC 8617; who sealed, the latest last. */
  | {
      readonly kind: 'arc';
      readonly result: 'pass' | 'fail';
      readonly sealers: readonly string[];
      readonly problem?: string | undefined;
    }
  /** RFC 9989; `policy` is the domain's, `disposition` what was done for it, `sealer` why it was not. */
  | {
      readonly kind: 'dmarc';
      readonly result: 'none' | 'pass' | 'fail' | 'temperror' | 'permerror';
      readonly domain?: string | undefined;
      readonly policy?: string | undefined;
      readonly disposition?: 'accept' | 'quarantine' | 'reject' | undefined;
      readonly sealer?: string | undefined;
      readonly problem?: string | undefined;
    }
  /** A filter looked at the message. `problem` is why it could not; `junk`: it belongs into Junk. */
  | {
      readonly kind: 'filter';
      readonly filter: string;
      readonly verdict: string;
      readonly junk?: boolean | undefined;
      /** What it changed, or why it says so. */
      readonly details?: readonly string[] | undefined;
      readonly problem?: string | undefined;
    }
  /** A weak sign, which counts with others; fewer points than none speak for the client. */
  | {
      readonly kind: 'suspicion';
      readonly points: number;
      readonly policy: string;
      /** The client may hear it. */
      readonly text: string;
    }
  /** A rule of the configuration's `access`, by its place in the list. */
  | {
      readonly kind: 'access';
      readonly action: 'allow' | 'reject' | 'defer';
      readonly place: number;
    }
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
  iprev: ({ result, address, name }) => `iprev: ${result}${name ? `, ${name}` : ''} (${address})`,
  spf: ({ result, identity, domain, problem }) =>
    `SPF: ${result} for ${domain}${identity === 'hello' ? ' (HELO)' : ''}${because(problem)}`,
  dkim: ({ result, domain, selector, problem }) =>
    `DKIM: ${result}${domain ? ` by ${domain} (${selector})` : ''}${because(problem)}`,
  arc: ({ result, sealers, problem }) =>
    `ARC: ${result}, sealed by ${sealers.join(', ')}${because(problem)}`,
  dmarc: ({ result, domain, policy, disposition, sealer, problem }) =>
    [
      `DMARC: ${result}`,
      domain ? ` for ${domain}` : '',
      policy ? `, whose policy is ${policy}` : '',
      sealer ? `; ${sealer} vouches for it` : disposition ? `; ${disposition}` : '',
      because(problem),
    ].join(''),
  filter: ({ filter, verdict, details = [], problem }) =>
    `${filter}: ${[verdict, ...details].join('; ')}${because(problem)}`,
  suspicion: ({ points, text }) =>
    `${points} ${Math.abs(points) === 1 ? 'point' : 'points'}: ${text}`,
  access: ({ action, place }) => `access[${place}]: ${action}`,
  note: ({ policy, text }) => `${policy}: ${text}`,
};

const because = (problem: string | undefined): string => (problem ? `: ${problem}` : '');

/** One line, for people. */
export function findingText(finding: Finding): string {
  const { kind } = finding;
  if (!Object.hasOwn(texts, kind)) return kind;
  return (texts[kind] as (finding: Finding) => string)(finding);
}
