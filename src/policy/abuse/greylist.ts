// Greylisting (RFC 6647): a stranger's first attempt is sent away for a minute, since what sends spam seldom comes
// back. Whoever comes back is believed, and everything else from its network, too; so are domains whose SPF says
// that they send from there, once they have come back somewhere, and whom people here have written to. Off unless asked
// for: it delays the first mail of each honest server, some of which wait for hours or come from elsewhere.

import type { Clock } from '../../base/clock.ts';
import type { Resolver } from '../../dns/resolver.ts';
import { askedFor } from '../../dns/resolver.ts';
import { addressKey, domainKey, formatMailbox } from '../../mail/fields/address.ts';
import { sharingNetwork } from '../../net/client-network.ts';
import { reply } from '../../smtp/reply.ts';
import { checkSpf } from '../../trust/spf.ts';
import type { AcceptedRecipient, Envelope } from '../envelope.ts';
import type { Policy, PolicyAnswer } from '../policy.ts';
import type { GreylistMemory } from './greylist-memory.ts';
import { within } from './patience.ts';
import { networkOf } from './rate-limits.ts';
import { stableSender } from './stable-sender.ts';
import { isSuspicion, isSuspicious } from './suspicion.ts';

/** The names of the configuration's `greylist`; times in milliseconds. */
export interface GreylistSettings {
  readonly clients: 'none' | 'suspicious' | 'all';
  readonly wait: number;
  readonly retryWithin: number;
  readonly rememberFor: number;
}

export interface GreylistParts {
  readonly memory: GreylistMemory;
  readonly resolver: Resolver;
  readonly clock: Clock;
  readonly hostname: () => string;
  readonly settings: () => GreylistSettings;
  readonly thresholds: () => { readonly greylistAt: number };
}

/** Limit: a client waits for its reply meanwhile. */
const spfPatienceMs = 3_000;
const name = 'greylist';

export function greylist(parts: GreylistParts): Policy {
  const { settings, thresholds } = parts;
  /** RFC 6647 §5: the first recipient of a transaction decides for all. */
  const decided = new WeakMap<Envelope, Promise<PolicyAnswer | undefined>>();
  return {
    name,
    rcpt(envelope, recipient) {
      const { clients } = settings();
      const { findings } = envelope;
      if (clients === 'none') return undefined;
      if (clients === 'suspicious' && !isSuspicious(findings, thresholds())) return undefined;
      // A list of clients to trust has spoken for it.
      if (findings.some((one) => isSuspicion(one) && one.points < 0)) return undefined;
      const before = decided.get(envelope);
      if (before !== undefined) return before.then(objectionOnly);
      const answer = judge(envelope, recipient, parts);
      decided.set(envelope, answer);
      return answer;
    },
  };
}

/** What was found is told once. */
const objectionOnly = (answer: PolicyAnswer | undefined): PolicyAnswer | undefined =>
  answer?.objection && { objection: answer.objection };

async function judge(
  envelope: Envelope,
  recipient: AcceptedRecipient,
  parts: GreylistParts,
): Promise<PolicyAnswer | undefined> {
  const { memory, clock } = parts;
  const { wait, retryWithin, rememberFor } = parts.settings();
  const network = { what: 'network', network: networkOf(envelope.client) } as const;
  if (await memory.isKnown(network)) {
    await memory.know(network, rememberFor);
    return undefined;
  }
  const spf = await spfOf(envelope, parts);
  const spared = await whySpared(envelope, recipient, spf, memory);
  if (spared !== undefined) return note(`not sent away: ${spared}`);
  const sender = envelope.sender === null ? '' : stableSender(formatMailbox(envelope.sender));
  const attempt = [network.network, sender, addressKey(recipient.named)];
  const first = await memory.firstSeen(attempt, retryWithin);
  if (first === undefined) return undefined;
  const leftMs = first + wait - clock.now();
  if (leftMs > 0) return sentAway(leftMs);
  await memory.know(network, rememberFor);
  if (spf === 'pass' && envelope.sender !== null)
    await memory.know({ what: 'domain', domain: domainOf(envelope) }, rememberFor);
  return note(`came back after ${Math.round((clock.now() - first) / 1_000)} s`);
}

async function whySpared(
  envelope: Envelope,
  { targets }: AcceptedRecipient,
  spf: string | undefined,
  memory: GreylistMemory,
): Promise<string | undefined> {
  const { sender } = envelope;
  if (sender === null || spf === 'fail' || spf === 'softfail') return undefined;
  const domain = domainOf(envelope);
  if (spf === 'pass' && (await memory.isKnown({ what: 'domain', domain })))
    return `${domain} came back before, and sends from there`;
  const address = stableSender(addressKey(sender));
  for (const { account } of targets)
    if (
      account !== undefined &&
      (await memory.isKnown({ what: 'correspondent', account, address }))
    )
      return `${account} has written to it`;
  return undefined;
}

const domainOf = ({ sender }: Envelope): string => domainKey(sender?.domain ?? '');

/** Undefined where the DNS says nothing in time. */
async function spfOf(
  { client, sender }: Envelope,
  { resolver, clock, hostname }: GreylistParts,
): Promise<string | undefined> {
  if (sender === null) return undefined;
  const question = {
    address: client.remote.address,
    domain: domainKey(sender.domain),
    local: sender.local,
    hello: client.hello,
    receiver: hostname(),
    seconds: Math.floor(clock.now() / 1_000),
  };
  const asking = askedFor(sharingNetwork(question.address), resolver);
  return (await within(clock, spfPatienceMs, checkSpf(question, asking)))?.result;
}

const note = (text: string): PolicyAnswer => ({
  findings: [{ kind: 'note', policy: name, text }],
});

function sentAway(leftMs: number): PolicyAnswer {
  const seconds = Math.ceil(leftMs / 1_000);
  // RFC 6647 §5: 450 (or 421) is what to say. RFC 3463 §3.8: X.7.1.
  return { objection: reply(450, '7.1', `Greylisted: try again in ${seconds} s`) };
}

/** Whom people here write to, so that the answer is not sent away. */
export function correspondents({
  memory,
  settings,
}: Pick<GreylistParts, 'memory' | 'settings'>): Policy {
  return {
    name: 'correspondents',
    message({ client: { account }, recipients }) {
      const { clients, rememberFor } = settings();
      if (account === undefined || clients === 'none') return undefined;
      const addresses = recipients
        .flatMap(({ targets }) => targets)
        .filter((target) => target.account === undefined)
        .map(({ address }) => stableSender(addressKey(address)));
      const settle = () => {
        for (const address of addresses.slice(0, learnedMax))
          memory.know({ what: 'correspondent', account, address }, rememberFor).catch(() => {});
      };
      return { reservation: { settle, release: () => {} } };
    },
  };
}

/** Limit: of one message; whoever sends to more is no correspondent of theirs. */
const learnedMax = 20;
