// Filters, when all policies have agreed: one after the other, each on what the one before has made of the
// message. What they answer is done here: fields and octets that are put in place of others, another sender,
// recipients. docs/decisions/0028-filters-change-messages.md

import { addressKey } from '../mail/fields/address.ts';
import { memory, spliced } from '../mail/header/header-cut.ts';
import { storeCopy } from '../mailbox/lines-only.ts';
import type { AddressMap } from '../policy/addresses/address-map.ts';
import type { Objection } from '../policy/answers.ts';
import type { AcceptedRecipient } from '../policy/envelope.ts';
import type { Arrival, FilterAnswer, Policies, RecipientChange } from '../policy/policy.ts';
import type { StoredContent } from '../store/content.ts';
import { inlineBytesMax } from '../store/content.ts';
import type { Spool } from '../store/spool.ts';
import { arrivalOf } from './head-changes.ts';
import type { Taking } from './taking.ts';

export interface FilteringParts {
  readonly policies: Pick<Policies, 'filter'>;
  readonly addressMap: Pick<AddressMap, 'resolve'>;
  readonly spool: Pick<Spool, 'open' | 'create' | 'remove' | 'store'>;
  /** The content in use now; what was in use before is removed. */
  readonly onContent: (content: StoredContent) => void;
}

/** @throws StorageError: then the content that was told of last is there, and nothing else */
export async function filtered(
  before: Taking,
  parts: FilteringParts,
): Promise<{ readonly taking: Taking } | { readonly objection: NonNullable<Objection> }> {
  let taking = before;
  const { answers } = before.transaction;
  for (const filter of parts.policies.filter) {
    let said: FilterAnswer | undefined;
    const objection = await answers.ask([filter], async () => {
      said = await filter.filter(taking.envelope, taking.draft);
      return said;
    });
    if (objection !== undefined) return { objection };
    if (said !== undefined) taking = await changed(taking, said, parts);
    if (taking.discarded) break;
  }
  return { taking };
}

async function changed(
  taking: Taking,
  { above, below, splices = [], sender, recipients = [], held, discarded }: FilterAnswer,
  parts: FilteringParts,
): Promise<Taking> {
  const { draft } = taking;
  const arrival =
    splices.length === 0 ? draft.arrival : await rewritten(draft.arrival, splices, parts);
  const envelope = sender === undefined ? taking.envelope : { ...taking.envelope, ...sender };
  let people: People = taking;
  for (const change of recipients) people = await withChange(people, change, taking, parts);
  return {
    ...taking,
    ...people,
    envelope,
    draft: { ...draft, above: above ?? draft.above, below: below ?? draft.below, arrival },
    held: taking.held || held === true,
    discarded: taking.discarded || discarded === true,
  };
}

type People = Pick<Taking, 'removed' | 'added'>;

async function withChange(
  { removed, added }: People,
  change: RecipientChange,
  { transaction }: Taking,
  { addressMap }: FilteringParts,
): Promise<People> {
  const { mailbox } = change;
  const key = addressKey(mailbox);
  const isNamed = ({ named }: AcceptedRecipient) => addressKey(named) === key;
  if (change.kind === 'remove') {
    const gone = transaction.recipients.filter(isNamed);
    return {
      removed: new Set([...removed, ...gone]),
      added: added.filter((one) => !isNamed(one)),
    };
  }
  // Who configured the filter lets it write to anybody.
  const resolution = await addressMap.resolve(mailbox, { mayRelay: true });
  // Field: a filter adds people who are not there; the others get the message all the same.
  if (resolution.kind === 'refuse') return { removed, added };
  const { params } = change;
  return { removed, added: [...added, { named: mailbox, params, targets: resolution.recipients }] };
}

async function rewritten(
  { content }: Arrival,
  splices: NonNullable<FilterAnswer['splices']>,
  { spool, onContent }: FilteringParts,
): Promise<Arrival> {
  if (content.kind === 'inline') {
    const { bytes } = spliced(memory(content.bytes), splices);
    const stored = await stillSmall(bytes!, content.bytes.length, spool);
    onContent(stored);
    return arrivalOf(stored, spool);
  }
  const copy = await storeCopy(spliced(spool.open(content), splices), spool);
  onContent(copy);
  await spool.remove(content.key);
  return arrivalOf(copy, spool);
}

/** What has grown too large for a row, or for whatever kept it in memory, is written to a file. */
async function stillSmall(
  bytes: Uint8Array,
  before: number,
  spool: Pick<Spool, 'store'>,
): Promise<StoredContent> {
  if (bytes.length <= Math.max(before, inlineBytesMax)) return { kind: 'inline', bytes };
  return spool.store(bytes);
}
