// The server's half of a conversation with a mail filter (milter, version 6), without I/O. Octets go in
// through receive(); next() gives the verdict on what was shown last; output() is what to send. The owner
// shows one thing at a time and gets one verdict for it, also where nothing is sent or nothing comes back,
// because the filter said so when the two agreed. Changes come with the verdict on the end of a message.

import { assert } from '../base/assert.ts';
import type { Change, Verdict } from './answers.ts';
import { parseChange, parseVerdict } from './answers.ts';
import type { Frame } from './frame.ts';
import { command, FrameReader, formatFrame, formatTexts, MilterError, response } from './frame.ts';
import type { Phase, Step } from './phases.ts';
import { rules } from './phases.ts';
import type { MacroStage, PieceBytes, Terms } from './terms.ts';
import { formatOffer, parseTerms, steps } from './terms.ts';

export type MilterEvent =
  /** Send output(), then receive() more. */
  | { readonly kind: 'need-input' }
  /** They agreed: see `terms`. */
  | { readonly kind: 'agreed' }
  /** It is still busy with what it was shown. */
  | { readonly kind: 'progress' }
  | {
      readonly kind: 'verdict';
      readonly verdict: Verdict;
      /** In order; only at the end of a message. */
      readonly changes: readonly Change[];
    };

export interface MilterClient {
  /** Its name in the DNS, or `[address]`. */
  readonly name: string;
  /** Textual IP address; undefined: not by network. */
  readonly address: string | undefined;
  readonly port: number;
}

/** By name, as the filter asks for it: `i`, `{mail_addr}`. What is not known is not sent. */
export type Macros = (name: string) => string | undefined;

export interface MilterLimits {
  /** Changes to one message. */
  readonly changesMax?: number | undefined;
  /** Octets of all changes to one message. */
  readonly changesBytesMax: number;
  readonly pieceBytes?: PieceBytes | undefined;
}

/** Limit: header fields and recipients that a filter adds or takes out, and pieces of a body. */
const changesMaxDefault = 20_000;

const needInput: MilterEvent = { kind: 'need-input' };
const progress: MilterEvent = { kind: 'progress' };
const agreed: MilterEvent = { kind: 'agreed' };
const goOn: Verdict = { kind: 'continue' };
const noChanges: readonly Change[] = [];
const noMacros: Macros = () => undefined;

export class MilterSession {
  readonly #limits: MilterLimits;
  readonly #reader = new FrameReader();
  #output: Buffer[] = [];
  #phase: Phase = 'new';
  #terms: Terms | undefined;
  /** What the filter was shown and has not answered. */
  #asked: Step | undefined;
  #changes: Change[] = [];
  #changesBytes = 0;
  /** An event that next() returns at once. */
  #event: MilterEvent | undefined;
  /** The filter has enough of these, in this transaction. */
  readonly #enough = new Set<Step>();
  /** Its last word on this transaction, and on this client. */
  #ofTransaction: Verdict | undefined;
  #ofClient: Verdict | undefined;

  constructor(limits: MilterLimits) {
    this.#limits = limits;
  }

  get phase(): Phase {
    return this.#phase;
  }

  /** @throws AssertionError before they agreed */
  get terms(): Terms {
    assert(this.#terms !== undefined, 'they agreed');
    return this.#terms;
  }

  /** What is to be sent now. */
  output(): Uint8Array {
    const output = this.#output;
    this.#output = [];
    return output.length === 1 ? output[0]! : Buffer.concat(output);
  }

  receive(bytes: Uint8Array): void {
    this.#reader.receive(bytes);
  }

  /** @throws MilterError: then the connection is of no use any more */
  next(): MilterEvent {
    const event = this.#event;
    this.#event = undefined;
    if (event !== undefined) return event;
    for (let frame = this.#reader.next(); frame !== undefined; frame = this.#reader.next()) {
      const found = this.#phase === 'negotiating' ? this.#agree(frame) : this.#hear(frame);
      if (found !== undefined) return found;
    }
    return needInput;
  }

  /** First of all. */
  negotiate(): void {
    assert(this.#phase === 'new', 'they agree once');
    this.#phase = 'negotiating';
    this.#output.push(formatOffer(this.#pieceBytes));
  }

  connect({ name, address, port }: MilterClient, macros: Macros): void {
    this.#enough.clear();
    const family = address === undefined ? 'U' : address.includes(':') ? '6' : '4';
    const where =
      address === undefined ? [] : [Buffer.from([port >> 8, port & 0xff]), formatTexts(address)];
    this.#show('connect', macros, [formatTexts(name), Buffer.from(family), ...where]);
  }

  hello(name: string, macros: Macros): void {
    this.#show('hello', macros, [formatTexts(name)]);
  }

  /** With its angle brackets; parameters as they were written. */
  mail(path: string, params: readonly string[], macros: Macros): void {
    this.#enough.clear();
    this.#ofTransaction = undefined;
    this.#show('mail', macros, [formatTexts(path, ...params)]);
  }

  rcpt(path: string, params: readonly string[], macros: Macros): void {
    this.#show('rcpt', macros, [formatTexts(path, ...params)]);
  }

  data(macros: Macros): void {
    this.#show('data', macros, []);
  }

  /** A command that the server does not know. */
  unknown(line: string): void {
    this.#show('unknown', noMacros, [formatTexts(line)]);
  }

  /** `value`: all that is behind the colon but the last line end; its lines end as they came. */
  header(name: string, value: Uint8Array): void {
    this.#show('header', noMacros, () => [formatTexts(name, this.#valueShown(value))]);
  }

  endOfHeader(macros: Macros): void {
    this.#show('endOfHeader', macros, []);
  }

  body(bytes: Uint8Array): void {
    assert(bytes.length <= this.terms.bodyBytesMax, 'a body is shown in pieces');
    this.#show('body', noMacros, [bytes]);
  }

  endOfMessage(macros: Macros): void {
    this.#changes = [];
    this.#changesBytes = 0;
    this.#show('endOfMessage', macros, []);
  }

  /** Whether showing it would reach the filter: what is left out need not be read. */
  wants(step: Step): boolean {
    return (
      (this.terms.steps & rules[step].leftOut) === 0 &&
      !this.#enough.has(step) &&
      this.#ofTransaction === undefined &&
      this.#ofClient === undefined
    );
  }

  /** The transaction is over, whatever became of it. */
  abort(): void {
    this.#ofTransaction = undefined;
    this.#enough.clear();
    if (this.#phase === 'closed' || !isOpen(this.#phase)) return;
    assert(this.#asked === undefined, 'the last verdict has come');
    // Whoever has said its last word about a client is told no more of it.
    if (this.#ofClient === undefined) this.#output.push(formatFrame(command.abort));
    this.#phase = 'hello';
  }

  /** Nothing comes after it. */
  quit(): void {
    this.#output.push(formatFrame(command.quit));
    this.#phase = 'closed';
  }

  /** The connection will be used for another client: connect() is next. */
  quitKeepOpen(): void {
    assert(this.#asked === undefined, 'the last verdict has come');
    this.#output.push(formatFrame(command.quitKeepOpen));
    this.#ofClient = undefined;
    this.#ofTransaction = undefined;
    this.#phase = 'idle';
  }

  /** Octets of the changes to this message so far. */
  get changesBytes(): number {
    return this.#changesBytes;
  }

  get #pieceBytes(): PieceBytes {
    return this.#limits.pieceBytes ?? 65_535;
  }

  #show(step: Step, macros: Macros, data: readonly Uint8Array[] | (() => readonly Uint8Array[])) {
    const { from, to, code, silent, macros: stage } = rules[step];
    assert(from.includes(this.#phase), `${step} does not follow ${this.#phase}`);
    assert(this.#asked === undefined && this.#event === undefined, 'one thing at a time');
    const last = this.#ofClient ?? this.#ofTransaction;
    // A message whose end it does not see has to be aborted.
    if (to !== undefined && (last === undefined || to !== 'hello' || step === 'hello'))
      this.#phase = to;
    if (last !== undefined) {
      this.#event = verdictOf(last);
      return;
    }
    // Macros belong to a step that is left out as well: a filter may look at them later.
    if (stage !== undefined) this.#sendMacros(code, stage, macros);
    const wanted = this.wants(step);
    if (wanted)
      this.#output.push(formatFrame(code, ...(typeof data === 'function' ? data() : data)));
    if (wanted && (this.terms.steps & silent) === 0) this.#asked = step;
    else this.#event = verdictOf(goOn);
  }

  #sendMacros(code: string, stage: MacroStage, macros: Macros): void {
    const texts: string[] = [];
    for (const name of this.terms.macros[stage]) {
      const value = macros(name);
      if (value !== undefined) texts.push(name, value);
    }
    if (texts.length > 0)
      this.#output.push(formatFrame(command.macros, Buffer.from(code), formatTexts(...texts)));
  }

  #valueShown(value: Uint8Array): Uint8Array {
    // Field: Sendmail and Postfix show the lines of a field with LF between them.
    const text = Buffer.from(value).toString('latin1').replaceAll('\r\n', '\n');
    const keepsSpace = (this.terms.steps & steps.leadingSpace) !== 0;
    return Buffer.from(keepsSpace ? text : text.replace(/^ /, ''), 'latin1');
  }

  #agree(frame: Frame): MilterEvent {
    this.#terms = parseTerms(frame, this.#pieceBytes);
    this.#phase = 'idle';
    return agreed;
  }

  /** Undefined for a change, with which more comes. */
  #hear(frame: Frame): MilterEvent | undefined {
    if (frame.code === response.progress) return progress;
    const asked = this.#asked;
    if (asked === undefined) throw new MilterError(`'${frame.code}' that nobody asked for`);
    if (frame.code === response.skip) return this.#skipped(asked);
    const verdict = parseVerdict(frame);
    if (verdict !== undefined) return this.#given(asked, verdict);
    const change = asked === 'endOfMessage' ? parseChange(frame, this.terms) : undefined;
    if (change === undefined) throw new MilterError(`'${frame.code}' is no answer here`);
    this.#note(change, frame.data.length);
    return undefined;
  }

  #skipped(asked: Step): MilterEvent {
    // Field: filters say so of other steps, too, and without having asked whether they may; Postfix goes on then.
    if (rules[asked].skips) this.#enough.add(asked);
    return this.#given(asked, goOn);
  }

  #given(asked: Step, verdict: Verdict): MilterEvent {
    this.#asked = undefined;
    const changes = this.#changes;
    this.#changes = [];
    const isOfClient = asked === 'connect' || asked === 'hello';
    // Once it has refused a client, it is not asked about it again.
    if (isOfClient && verdict.kind !== 'continue' && verdict.kind !== 'discard')
      this.#ofClient = verdict;
    else if (!isOfClient && (verdict.kind === 'accept' || verdict.kind === 'discard'))
      this.#ofTransaction = verdict;
    // Nothing can be discarded before there is something.
    const given = isOfClient && verdict.kind === 'discard' ? goOn : verdict;
    return { kind: 'verdict', verdict: given, changes: changes.length === 0 ? noChanges : changes };
  }

  #note(change: Change, bytes: number): void {
    const { changesMax = changesMaxDefault, changesBytesMax } = this.#limits;
    this.#changesBytes += bytes;
    if (this.#changes.length >= changesMax || this.#changesBytes > changesBytesMax)
      throw new MilterError('more changes than are taken');
    this.#changes.push(change);
  }
}

const verdictOf = (verdict: Verdict): MilterEvent => ({
  kind: 'verdict',
  verdict,
  changes: noChanges,
});

/** Whether a transaction has begun. */
const isOpen = (phase: Phase): boolean =>
  !(['new', 'negotiating', 'idle', 'connect', 'hello'] as readonly Phase[]).includes(phase);
