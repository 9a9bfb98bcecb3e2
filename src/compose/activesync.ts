// Exchange ActiveSync: phones that read and send mail over HTTP, by the same logins, rules and folders as everybody else.

import { ActiveSyncAccess } from '../access/activesync/activesync-access.ts';
import type { OutgoingMail } from '../access/activesync/context.ts';
import { MailNotTaken } from '../access/activesync/context.ts';
import { parseMailbox } from '../mail/fields/address.ts';
import type { OpenFolders } from '../mailbox/open-folders.ts';
import type { RuleBook } from '../policy/rules/rule-book.ts';
import { HandInRefused } from '../receive/hand-in.ts';
import type { NodeQuestions } from '../watch/nodes/node-questions.ts';
import type { ActiveSyncPathParts } from '../web/activesync.ts';
import { basicLogin } from './basic-login.ts';
import { quotaInForce } from './in-force.ts';
import type { ServiceParts } from './service-parts.ts';
import type { Smtp } from './smtp.ts';
import type { Spam } from './spam.ts';

export interface ActiveSyncServiceParts extends ServiceParts {
  readonly rules: Pick<RuleBook, 'of' | 'set'>;
  readonly spam: Pick<Spam, 'learner'>;
  readonly openFolders: () => OpenFolders;
  readonly handIn: Smtp['handIn'];
  readonly questions: Pick<NodeQuestions, 'ask'>;
}

export interface ActiveSync extends Omit<ActiveSyncPathParts, 'large'> {
  /** Phones that wait are answered: the server ends. */
  readonly endWaits: () => void;
  /** Another node has this device now. */
  readonly letGo: (device: string) => Promise<void> | undefined;
}

export function createActiveSync(parts: ActiveSyncServiceParts): ActiveSync {
  const { inForce, stores, rules, spam, questions, clock, random, log } = parts;
  /** Made for the first request; from then on it watches the store. */
  let access: ActiveSyncAccess | undefined;
  const made = () =>
    (access ??= new ActiveSyncAccess({
      ...{
        store: stores.folders,
        spool: stores.spool,
        records: stores.records,
        accounts: stores.accounts,
        rules,
      },
      openFolders: parts.openFolders(),
      send: (mail) => send(parts, mail),
      settings: () => ({
        quota: quotaIn(quotaInForce(inForce())),
        messageSize: inForce().config.limits.messageSize || messageSizeMax,
        requireProvision: inForce().config.activeSync?.requireProvision ?? true,
      }),
      sorted: (messages) => spam.learner.note(messages),
      holdings: stores.nodes.holdings,
      askFor: async (device) => void (await questions.ask('device', device)),
      ...{ clock, random, log },
    }));
  return {
    enabled: () => inForce().config.activeSync !== undefined,
    redirect: () => inForce().config.activeSync?.redirect,
    login: basicLogin(parts),
    answer: (call) => made().answer(call),
    refused: ({ agent, ...refusal }) =>
      parts.admission.refusals.note({
        ...{ ...refusal, service: 'http', stage: 'activesync' },
        hello: agent === '' ? undefined : agent,
      }),
    endWaits: () => access?.close(),
    letGo: (device) => access?.letGo(device),
    messageSize: () => inForce().config.limits.messageSize || messageSizeMax,
  };
}

/** Limit: octets of a message where the configuration has none. */
const messageSizeMax = 100 * 2 ** 20;

const quotaIn = ({ bytes, messages }: ReturnType<typeof quotaInForce>) =>
  bytes === undefined && messages === undefined
    ? undefined
    : { bytes: bytes ?? Number.MAX_SAFE_INTEGER, messages: messages ?? Number.MAX_SAFE_INTEGER };

async function send(
  { handIn }: Pick<ActiveSyncServiceParts, 'handIn'>,
  { sender, recipients, record, ...rest }: OutgoingMail,
): Promise<void> {
  const from = parseMailbox(sender);
  const to = recipients.map((each) => parseMailbox(each)).filter((each) => each !== undefined);
  if (from === undefined || to.length < recipients.length)
    throw new MailNotTaken('an address cannot be understood');
  try {
    const records = record && (() => [record]);
    await handIn({ ...rest, sender: from, recipients: to, records });
  } catch (error) {
    if (!(error instanceof HandInRefused)) throw error;
    throw new MailNotTaken(error.message);
  }
}
