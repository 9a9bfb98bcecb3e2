// What one client is to a milter: one connection, as libmilter wants it, on which it is shown step by step. A
// connection that is gone is made anew for the next transaction, and the milter told again who the client
// is; what it cannot say is decided by the filter's settings.

import { messageOf } from '../../base/error-text.ts';
import type { SharedRoom } from '../../base/shared-room.ts';
import type { ReversePath } from '../../mail/fields/address.ts';
import { formatMailbox } from '../../mail/fields/address.ts';
import { HeaderEdit } from '../../mail/header/header-edit.ts';
import type { Verdict } from '../../milter/answers.ts';
import { rules } from '../../milter/phases.ts';
import type { MilterSession } from '../../milter/session.ts';
import { steps } from '../../milter/terms.ts';
import type { Dialer } from '../../net/dialer.ts';
import { formatMailParam, formatRcptParam } from '../../smtp/extensions/index.ts';
import type { Detail, Reply } from '../../smtp/reply.ts';
import { enhancedStatus, reply } from '../../smtp/reply.ts';
import { storedSize } from '../../store/content.ts';
import type { IprevVerdict } from '../../trust/iprev.ts';
import type { AcceptedRecipient, ClientFacts, Envelope } from '../envelope.ts';
import type { Draft, FilterAnswer, PolicyAnswer } from '../policy.ts';
import type { FilterReports, FilterSettings, FilterVoice } from './filter.ts';
import { deferredByFilter, refusedByFilter } from './filter.ts';
import { changedBy } from './milter-changes.ts';
import type { MilterAnswer, MilterPlace } from './milter-connection.ts';
import { MilterConnection, MilterFailure } from './milter-connection.ts';
import type { MacroFacts } from './milter-macros.ts';
import { macrosOf, milterClient } from './milter-macros.ts';

export interface MilterSettings extends FilterSettings, MilterPlace {}

export interface MilterParts {
  readonly settings: MilterSettings;
  readonly dialer: Pick<Dialer, 'dial'>;
  readonly reports: FilterReports;
  readonly hostname: () => string;
  readonly version: string;
  /** The name of an address in the DNS; within a moment. */
  readonly reverseOf: (address: string) => Promise<IprevVerdict>;
  /** Octets of changes to one message. */
  readonly changesBytesMax: () => number;
  /** For large changes, of all messages together. */
  readonly room: Pick<SharedRoom, 'take'>;
}

/** A milter that could not be called is not called again at once: clients would wait for it in vain. */
export interface Gate {
  closedUntil: number;
  problem: string;
}
const gateMs = 2_000;

/** What one client is to the milter. */
export class ClientAtMilter {
  readonly #parts: MilterParts;
  readonly #voice: FilterVoice;
  readonly #gate: Gate;
  #connection: MilterConnection | undefined;
  #reverse: IprevVerdict | undefined;
  /** A transaction is open that it sees; how it ended already, if it did. */
  #transaction: 'none' | 'open' | 'accepted' | 'discarded' | 'failed' = 'none';
  /** Why it cannot be asked about this transaction. */
  #problem = '';
  /** It has another name since a transaction was open, which that ended (RFC 5321 §4.1.4): told with the next. */
  #isRenamed = false;
  #isClosed = false;

  constructor(parts: MilterParts, { voice, gate }: { voice: FilterVoice; gate: Gate }) {
    this.#parts = parts;
    this.#voice = voice;
    this.#gate = gate;
  }

  /** What fails here is told at MAIL. */
  async connect(client: ClientFacts): Promise<PolicyAnswer | undefined> {
    try {
      return this.#objection(await this.#open(client), 'the client');
    } catch {
      return undefined;
    }
  }

  async hello(client: ClientFacts): Promise<PolicyAnswer | undefined> {
    if (this.#connection?.isUsable !== true) return undefined;
    if (this.#transaction !== 'none') {
      this.#isRenamed = true;
      return undefined;
    }
    try {
      return this.#objection(await this.#hello(this.#connection, client), 'its name');
    } catch {
      return undefined;
    }
  }

  /** Told between transactions, and in one that it has not said its last word about. */
  async unknown(line: string): Promise<PolicyAnswer | undefined> {
    const connection = this.#connection;
    if (connection?.isUsable !== true || !rules.unknown.from.includes(connection.session.phase))
      return undefined;
    // As libmilter says, with its arguments. Field: Postfix shows the first word alone.
    const show = async () =>
      this.#objection(await this.#ask((session) => session.unknown(line)), 'an unknown command');
    return this.#transaction === 'none' ? show().catch(() => undefined) : this.#guarded(show);
  }

  async mail(envelope: Envelope): Promise<PolicyAnswer | undefined> {
    const { client, sender, params } = envelope;
    this.#transaction = 'open';
    const texts = params.map(formatMailParam);
    const show = async () => {
      const refusal = await this.#again(client);
      if (refusal !== undefined) return refusal;
      const macros = macrosOf(this.#facts(client, { sender }));
      const said = await this.#ask((session) => session.mail(pathOf(sender), texts, macros));
      return this.#verdict(said, 'the sender');
    };
    const isOld = this.#connection?.isUsable === true;
    return this.#guarded(() =>
      show().catch((error: unknown) => {
        // It was started anew meanwhile.
        if (isOld && error instanceof MilterFailure && error.isEnd) return show();
        throw error;
      }),
    );
  }

  async rcpt(envelope: Envelope, recipient: AcceptedRecipient): Promise<PolicyAnswer | undefined> {
    if (this.#transaction !== 'open') return undefined;
    const texts = recipient.params.map(formatRcptParam);
    const macros = macrosOf(this.#ofEnvelope(envelope, { recipient }));
    const path = pathOf(recipient.named);
    return this.#guarded(async () => {
      const said = await this.#ask((session) => session.rcpt(path, texts, macros));
      return this.#verdict(said, `the recipient ${path}`);
    });
  }

  /** It may look, and has no say. */
  async refusedRcpt(
    envelope: Envelope,
    named: AcceptedRecipient['named'],
    why: Reply,
  ): Promise<undefined> {
    const connection = this.#connection;
    if (this.#transaction !== 'open' || connection?.isUsable !== true) return undefined;
    if ((connection.session.terms.steps & steps.refusedRcpt) === 0) return undefined;
    const refused = { status: enhancedStatus(why) ?? String(why.code), text: why.lines.join(' ') };
    const recipient = { named, targets: [] };
    const macros = macrosOf(this.#ofEnvelope(envelope, { recipient, refused }));
    await this.#guarded(async () => {
      await this.#ask((session) => session.rcpt(pathOf(named), [], macros));
      return undefined;
    });
    return undefined;
  }

  async data(envelope: Envelope): Promise<PolicyAnswer | undefined> {
    if (this.#transaction !== 'open') return undefined;
    const macros = macrosOf(this.#ofEnvelope(envelope));
    return this.#guarded(async () =>
      this.#verdict(await this.#ask((session) => session.data(macros)), 'at DATA'),
    );
  }

  async filter(envelope: Envelope, draft: Draft): Promise<FilterAnswer | undefined> {
    switch (this.#transaction) {
      case 'none':
        return undefined;
      case 'failed':
        return this.#voice.failed(this.#problem);
      case 'accepted':
        return { findings: [this.#voice.said('accepted', 'accepted')] };
      case 'discarded':
        return this.#discards();
      case 'open':
        return this.#filtered(envelope, draft).catch((error: unknown) => {
          this.#connection?.destroy();
          return this.#voice.failed(messageOf(error));
        });
    }
  }

  /** The transaction is over. */
  end(): void {
    this.#transaction = 'none';
    this.#connection?.abort();
  }

  close(): void {
    this.#isClosed = true;
    this.#connection?.close();
  }

  async #filtered(envelope: Envelope, draft: Draft): Promise<FilterAnswer> {
    const macros = macrosOf(this.#ofEnvelope(envelope));
    const shown = await this.#showMessage(draft, macros);
    let giveBack = () => {};
    const room = async () => {
      giveBack = await this.#parts.room.take(storedSize(draft.arrival.content));
    };
    try {
      const answer = await this.#ended({ draft, envelope }, shown, room);
      // What is new is held until the message is queued, or nothing came of it.
      const over = giveBack;
      giveBack = () => {};
      return { ...answer, reservation: { settle: over, release: over } };
    } finally {
      giveBack();
    }
  }

  async #ended(
    { draft, envelope }: { readonly draft: Draft; readonly envelope: Envelope },
    shown: MilterAnswer | undefined,
    room: () => Promise<void>,
  ): Promise<FilterAnswer> {
    const { messageTimeout } = this.#parts.settings;
    const macros = macrosOf(this.#ofEnvelope(envelope));
    const end = (session: MilterSession) => session.endOfMessage(macros);
    const last = shown ?? (await this.#connection!.ask(end, messageTimeout, room));
    const objection = this.#objection(last, 'the message');
    if (objection !== undefined) return objection;
    if (last.verdict.kind === 'discard') return this.#discards();
    const leadingSpace = (this.#terms.steps & steps.leadingSpace) !== 0;
    const { answer, told } = changedBy(last.changes, { draft, envelope, leadingSpace });
    const result = answer.held === true ? 'held' : told.length > 0 ? 'changed' : 'accepted';
    return { ...answer, findings: [this.#voice.said(result, 'accepted', told)] };
  }

  /** All but its end; a verdict that is the last. */
  async #showMessage(
    { above, below, arrival }: Draft,
    macros: ReturnType<typeof macrosOf>,
  ): Promise<MilterAnswer | undefined> {
    const { session } = this.#connection!;
    const head = arrival.head.subarray(0, arrival.header.end);
    if (session.wants('header'))
      for (const { name, value } of new HeaderEdit({ above, below, head }).fields()) {
        const said = await this.#ask((to) => to.header(name, value));
        if (isLast(said)) return said;
        if (!session.wants('header')) break;
      }
    const said = await this.#ask((to) => to.endOfHeader(macros));
    if (isLast(said)) return said;
    if (!session.wants('body')) return undefined;
    for await (const piece of arrival.open().read({ from: arrival.header.end })) {
      const { bodyBytesMax } = this.#terms;
      for (let at = 0; at < piece.length; at += bodyBytesMax) {
        const body = piece.subarray(at, at + bodyBytesMax);
        const answer = await this.#ask((to) => to.body(body));
        if (isLast(answer)) return answer;
        if (!session.wants('body')) return undefined;
      }
    }
    return undefined;
  }

  /** Called anew where the connection is gone; refused again where it was refused at its greeting. */
  async #again(client: ClientFacts): Promise<PolicyAnswer | undefined> {
    const isRenamed = this.#isRenamed;
    this.#isRenamed = false;
    if (this.#connection?.isUsable === true) {
      if (!isRenamed) return undefined;
      return this.#objection(await this.#hello(this.#connection, client), 'its name');
    }
    const connected = this.#objection(await this.#open(client), 'the client');
    if (connected !== undefined) return connected;
    return this.#objection(await this.#hello(this.#connection!, client), 'its name');
  }

  async #open(client: ClientFacts): Promise<MilterAnswer> {
    const { settings, dialer, changesBytesMax, reverseOf } = this.#parts;
    const gate = this.#gate;
    const { clock } = this.#parts.reports;
    if (clock.now() < gate.closedUntil) throw new MilterFailure(gate.problem);
    const opening = MilterConnection.open(settings, dialer, changesBytesMax()).catch(
      (error: unknown) => {
        gate.closedUntil = clock.now() + gateMs;
        gate.problem = messageOf(error);
        throw error;
      },
    );
    const [connection, reverse] = await Promise.all([opening, reverseOf(client.remote.address)]);
    this.#connection = connection;
    this.#reverse = reverse;
    if (this.#isClosed) connection.close();
    const macros = macrosOf(this.#facts(client, {}));
    return this.#ask((session) => session.connect(milterClient(client, reverse.name), macros));
  }

  #hello(connection: MilterConnection, client: ClientFacts): Promise<MilterAnswer> {
    const macros = macrosOf(this.#facts(client, {}));
    const { commandTimeout } = this.#parts.settings;
    return connection.ask((session) => session.hello(client.hello, macros), commandTimeout);
  }

  async #ask(
    show: (session: MilterSession) => void,
    timeoutMs = this.#parts.settings.commandTimeout,
  ): Promise<MilterAnswer> {
    return this.#connection!.ask(show, timeoutMs);
  }

  get #terms() {
    return this.#connection!.session.terms;
  }

  /** Field: as with Postfix, the message has its id once a recipient was accepted. */
  #ofEnvelope(
    { client, sender, recipients, queueId }: Envelope,
    more: Pick<MacroFacts, 'recipient' | 'refused'> = {},
  ): MacroFacts {
    const id = recipients.length === 0 ? undefined : queueId;
    return this.#facts(client, { sender, id, ...more });
  }

  #facts(
    client: ClientFacts,
    more: Pick<MacroFacts, 'sender' | 'recipient' | 'refused' | 'id'>,
  ): MacroFacts {
    const { hostname, version } = this.#parts;
    return { hostname: hostname(), version, client, reverse: this.#reverse, ...more };
  }

  /** What fails now has failed for the whole transaction. */
  async #guarded<A extends PolicyAnswer>(
    ask: () => Promise<A | undefined>,
  ): Promise<A | PolicyAnswer | undefined> {
    try {
      return await ask();
    } catch (error) {
      this.#problem = messageOf(error);
      this.#transaction = 'failed';
      this.#connection?.destroy();
      // Told with the message, unless the client had better come again right now.
      return this.#parts.settings.onFailure === 'tempfail'
        ? this.#voice.failed(this.#problem)
        : undefined;
    }
  }

  #verdict(answer: MilterAnswer, what: string): PolicyAnswer | undefined {
    const { kind } = answer.verdict;
    if (kind === 'accept') this.#transaction = 'accepted';
    if (kind === 'discard') this.#transaction = 'discarded';
    return this.#objection(answer, what);
  }

  /** `what`: it refuses. */
  #objection({ verdict }: MilterAnswer, what: string): FilterAnswer | undefined {
    const objection = replyTo(verdict);
    return objection === undefined ? undefined : this.#voice.refuses(objection, [what]);
  }

  #discards(): FilterAnswer {
    return { discarded: true, findings: [this.#voice.said('discarded', 'discarded')] };
  }
}

// RFC 5321 §3.8: 421 closes the connection.
const shutdown = reply(421, '7.1', 'Service not available');

function replyTo(verdict: Verdict): Reply | undefined {
  switch (verdict.kind) {
    case 'continue':
    case 'accept':
    case 'discard':
      return undefined;
    case 'reject':
      return refusedByFilter;
    case 'tempfail':
      return deferredByFilter;
    case 'shutdown':
      return shutdown;
    case 'reply':
      return reply(verdict.code, (verdict.detail ?? '7.1') as Detail, ...verdict.lines);
  }
}

const isLast = ({ verdict }: MilterAnswer): boolean => verdict.kind !== 'continue';

const pathOf = (path: ReversePath): string => (path === null ? '<>' : `<${formatMailbox(path)}>`);
