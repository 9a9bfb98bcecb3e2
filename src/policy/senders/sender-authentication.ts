// Whether a stranger's mail is from whom it says: reverse DNS (iprev), SPF, DKIM, ARC and DMARC, asked all
// at once when the content has come. What they find is recorded with the message, in
// Authentication-Results, and read by later policies; what the author's domain wants done with
// mail that is not its own is done. Mail of those who logged in, of trusted networks and by LMTP
// is not judged. RFC 8601, RFC 9989 §5.3.

import type { Clock } from '../../base/clock.ts';
import { inTurns } from '../../base/in-turns.ts';
import type { Resolver } from '../../dns/resolver.ts';
import { askedFor } from '../../dns/resolver.ts';
import { domainKey } from '../../mail/fields/address.ts';
import { fromFieldsForAnybody } from '../../mail/fields/author-domains.ts';
import { mailboxesOf } from '../../mail/fields/structured.ts';
import type { Finding } from '../../mail/finding.ts';
import { resultsField } from '../../mail/trace/results-field.ts';
import { sharingNetwork } from '../../net/client-network.ts';
import type { Reply } from '../../smtp/reply.ts';
import { reply } from '../../smtp/reply.ts';
import type { ArcVerdict } from '../../trust/arc.ts';
import { ArcCheck } from '../../trust/arc.ts';
import type { DkimVerdict } from '../../trust/dkim.ts';
import { DkimCheck } from '../../trust/dkim.ts';
import type { DmarcIdentifiers, DmarcVerdict } from '../../trust/dmarc.ts';
import { beginDmarc } from '../../trust/dmarc.ts';
import type { IprevVerdict } from '../../trust/iprev.ts';
import { checkIprev } from '../../trust/iprev.ts';
import { SignedMessage } from '../../trust/signed-message.ts';
import type { SpfVerdict } from '../../trust/spf.ts';
import { checkSpf } from '../../trust/spf.ts';
import type { ClientFacts, Envelope } from '../envelope.ts';
import { entersHere } from '../envelope.ts';
import type { Arrival, Policy, PolicyAnswer } from '../policy.ts';
import { fewAtOnce, Impatience } from './impatience.ts';

/** What becomes of mail that a domain says is not its own. */
export type Disposition = 'accept' | 'quarantine' | 'reject';

export interface AuthenticationRules {
  readonly spf: boolean;
  readonly dkim: boolean;
  readonly arc: boolean;
  readonly dmarc: boolean;
  /** In place of what the author's domain asks for, by that domain, in A-labels. */
  readonly overrides: Pick<ReadonlyMap<string, Disposition>, 'get'>;
  /** Whether domains are obeyed. */
  readonly obey: boolean;
  /** Whose seals may speak for mail that fails DMARC: domains of ARC's seals. */
  readonly trustedSealers: ReadonlySet<string>;
}

export interface SenderAuthenticationParts {
  readonly resolver: Resolver;
  readonly clock: Clock;
  readonly hostname: () => string;
  readonly rules: () => AuthenticationRules;
  /** Told of everything that DMARC was asked about, for reports. */
  readonly judged?: ((judged: Judged) => void) | undefined;
}

/** What was found out about a message, and what came of it. */
export interface Judged {
  readonly envelope: Envelope;
  readonly arrival: Arrival;
  readonly verdict: DmarcVerdict;
  readonly findings: readonly Finding[];
}

export function senderAuthentication(parts: SenderAuthenticationParts): Policy {
  const judge = new Judge(parts);
  return {
    name: 'sender-authentication',
    message(envelope, arrival) {
      const { client } = envelope;
      if (client.service !== 'smtp' || client.trusted || entersHere(client)) return undefined;
      const rules = parts.rules();
      if (!rules.spf && !rules.dkim && !rules.dmarc && !rules.arc) return undefined;
      return judge.answer(envelope, arrival, rules);
    },
  };
}

class Judge {
  readonly #parts: SenderAuthenticationParts;
  readonly #impatience: Impatience;
  /** Of clients that are there: a name does not change between the messages of a connection. */
  readonly #names = new WeakMap<ClientFacts, IprevVerdict>();

  constructor(parts: SenderAuthenticationParts) {
    this.#parts = parts;
    this.#impatience = new Impatience(parts.resolver, parts.clock);
  }

  async answer(
    envelope: Envelope,
    arrival: Arrival,
    rules: AuthenticationRules,
  ): Promise<PolicyAnswer> {
    const signed = new SignedMessage(arrival.head.subarray(0, arrival.header.end));
    const dkim = rules.dkim ? new DkimCheck(signed) : undefined;
    const arc = rules.arc ? new ArcCheck(signed) : undefined;
    // First, for the DNS is not to blame for the time that it takes.
    if (signed.needsBody) await readBody(arrival, signed);
    const authors = rules.dmarc ? await fromFieldsForAnybody(arrival) : undefined;
    const questions = this.#impatience.begin();
    const resolver = askedFor(sharingNetwork(envelope.client.remote.address), questions);
    try {
      const { findings, objection } = await this.#findings(envelope, {
        ...{ arrival, authors, rules, resolver, dkim, arc },
      });
      const front = resultsField(this.#parts.hostname(), findings);
      return { objection, findings, ...(front !== undefined && { head: { front } }) };
    } finally {
      questions.end();
    }
  }

  async #findings(
    envelope: Envelope,
    { arrival, authors, rules, resolver, dkim, arc }: Judging,
  ): Promise<Found> {
    const { client } = envelope;
    const { address } = client.remote;
    const seconds = Math.floor(this.#parts.clock.now() / 1_000);
    const domains = authors?.flatMap(mailboxesOf).map(({ domain }) => domain);
    const dmarc = rules.dmarc ? beginDmarc(domains, resolver) : undefined;
    const few = fewAtOnce(resolver);
    const [reverse, spf, signatures, chain] = await Promise.all([
      this.#names.get(client) ?? checkIprev(address, few),
      rules.spf ? this.#spf(envelope, few, seconds) : undefined,
      dkim?.verdicts(few, seconds),
      arc?.verdict(few, seconds),
    ]);
    if (reverse.result !== 'temperror') this.#names.set(client, reverse);
    const findings: Finding[] = [
      { kind: 'iprev', result: reverse.result, name: reverse.name, address },
      ...spfFindings(spf),
      ...dkimFindings(signatures),
      ...arcFindings(chain),
    ];
    if (dmarc === undefined) return { findings, objection: undefined };
    const verdict = await dmarc(identifiersOf(spf?.verdict, signatures ?? []));
    const seal = authors?.length === 1 ? sealIn(chain, rules) : undefined;
    const { finding, objection } = decide(verdict, rules, seal);
    findings.push(finding);
    // What is to come again is counted then.
    if (objection === undefined || objection.code >= 500)
      this.#parts.judged?.({ envelope, arrival, verdict, findings });
    return { findings, objection };
  }

  async #spf({ client, sender }: Envelope, resolver: Resolver, seconds: number): Promise<SpfFound> {
    const { remote, hello } = client;
    // RFC 7208 §2.4: the null sender is the postmaster of HELO's name.
    const identity = sender === null ? 'hello' : 'mailfrom';
    const verdict: SpfVerdict = await checkSpf(
      {
        address: remote.address,
        domain: domainKey(sender?.domain ?? hello),
        local: sender?.local,
        ...{ hello, receiver: this.#parts.hostname(), seconds },
      },
      resolver,
    );
    return { identity, verdict };
  }
}

async function readBody({ open, header }: Arrival, signed: SignedMessage): Promise<void> {
  const content = open();
  if (content.bytes !== undefined) {
    await inTurns(content.bytes.subarray(header.end), (slice) => signed.update(slice));
    return;
  }
  let at = 0;
  for await (const piece of content.read()) {
    const body = at >= header.end ? piece : piece.subarray(header.end - at);
    await inTurns(body, (slice) => signed.update(slice));
    at += piece.length;
  }
}

interface Judging {
  readonly arrival: Arrival;
  readonly authors: Awaited<ReturnType<typeof fromFieldsForAnybody>>;
  readonly rules: AuthenticationRules;
  readonly resolver: Resolver;
  readonly dkim: DkimCheck | undefined;
  readonly arc: ArcCheck | undefined;
}

interface Found {
  readonly findings: readonly Finding[];
  readonly objection: Reply | undefined;
}

interface SpfFound {
  readonly identity: 'mailfrom' | 'hello';
  readonly verdict: SpfVerdict;
}

function spfFindings(found: SpfFound | undefined): readonly Finding[] {
  if (found === undefined) return [];
  const { result, domain, problem } = found.verdict;
  return [{ kind: 'spf', identity: found.identity, result, domain, problem }];
}

function dkimFindings(verdicts: readonly DkimVerdict[] | undefined): readonly Finding[] {
  if (verdicts?.length === 0) return [{ kind: 'dkim', result: 'none' }];
  return (verdicts ?? []).map(({ result, domain, selector, signature, problem }) => ({
    kind: 'dkim',
    ...{ result, domain, selector, signature, problem },
  }));
}

function arcFindings(verdict: ArcVerdict | undefined): readonly Finding[] {
  if (verdict === undefined || verdict.result === 'none') return [];
  const { result, sealers, problem } = verdict;
  return [{ kind: 'arc', result, sealers, problem }];
}

/** RFC 9989 §3.2.4: without a sender that of HELO is MAIL FROM's identity. */
function identifiersOf(
  spf: SpfVerdict | undefined,
  signatures: readonly DkimVerdict[],
): DmarcIdentifiers {
  const sender = (result: SpfVerdict['result']) => (spf?.result === result ? [spf.domain] : []);
  const signers = (wanted: DkimVerdict['result']) =>
    signatures.flatMap(({ result, domain }) =>
      result === wanted && domain !== undefined ? [domain] : [],
    );
  return {
    spf: sender('pass')[0],
    dkim: signers('pass'),
    unknown: [...sender('temperror'), ...signers('temperror')],
  };
}

type DmarcFinding = Extract<Finding, { kind: 'dmarc' }>;

/** Of somebody who is trusted here; it is open where the DNS does not say now whether it is his. */
interface Seal {
  readonly sealer: string;
  readonly isOpen: boolean;
}

/**
 * Only whom somebody here trusts may say that a message was right when it came by (RFC 8617 §7.2.1), and of the From
 * that it had then: whoever has a sealed message could put another From in front.
 */
function sealIn(
  chain: ArcVerdict | undefined,
  { trustedSealers }: AuthenticationRules,
): Seal | undefined {
  const sealer = chain?.sealers.at(-1);
  if (chain?.signsFrom !== true || sealer === undefined || !trustedSealers.has(sealer))
    return undefined;
  const isOpen = chain.isOpen === true;
  return isOpen || chain.result === 'pass' ? { sealer, isOpen } : undefined;
}

interface Decision {
  readonly finding: DmarcFinding;
  readonly objection?: Reply | undefined;
}

// RFC 9989 §7.2, RFC 3463 §3.8: X.7.1.
const tooManyAuthors = reply(550, '7.1', 'From names too many domains to tell whose message it is');

const tooManyQuestions = reply(
  451,
  '4.5',
  'Too many questions to the DNS about mail from your network',
);

function decide(
  verdict: DmarcVerdict,
  rules: AuthenticationRules,
  seal: Seal | undefined,
): Decision {
  const { result, domain, policy, requested, problem } = verdict;
  const plain = { kind: 'dmarc', result, domain, policy, problem } as const;
  if (result === 'permerror' && rules.obey)
    return { finding: { ...plain, disposition: 'reject' }, objection: tooManyAuthors };
  const override = domain === undefined ? undefined : rules.overrides.get(domain);
  const ifFailed =
    override === undefined ? dispositionOf(verdict, rules, seal) : { disposition: override };
  const mayObject = override === undefined ? rules.obey : override !== 'accept';
  // RFC 3463 §3.5: X.4.5. Whoever fills what his network may ask does not keep a domain from being heard by that.
  if (verdict.isBusy === true && mayObject) return { finding: plain, objection: tooManyQuestions };
  const isReject = ifFailed.disposition === 'reject';
  // RFC 9989 §5.3.6: the domain is known to refuse what is not its own, and this may be; the next attempt may tell.
  const isOpen =
    result === 'temperror' ||
    (result === 'fail' && seal?.isOpen === true && override === undefined);
  if (isOpen && isReject && requested !== undefined)
    return {
      finding: plain,
      objection: reply(451, '4.3', `The DNS does not say now whether this is mail of ${domain}`),
    };
  if (result !== 'fail') return { finding: plain };
  return {
    finding: { ...plain, ...ifFailed },
    objection: isReject ? reply(550, '7.1', `Refused by the DMARC policy of ${domain}`) : undefined,
  };
}

/** What is done where the domain says that a message is not its own, and the operator nothing. */
function dispositionOf(
  { requested }: DmarcVerdict,
  { obey }: AuthenticationRules,
  seal: Seal | undefined,
): Pick<DmarcFinding, 'disposition' | 'sealer'> {
  if (!obey || requested === undefined || requested === 'none') return {};
  return seal === undefined || seal.isOpen
    ? { disposition: requested }
    : { disposition: 'accept', sealer: seal.sealer };
}
