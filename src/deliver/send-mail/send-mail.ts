// One message to one server: `sendMail()` of the library, and what `postrider send` prints. The same
// client as the queue's deliveries, without queue and retries: whoever calls it hears at once what
// the server said, and can watch the conversation line by line.

import { defined } from '../../base/input-error.ts';
import { has8Bit } from '../../mail/conversion/transfer-encoding.ts';
import { createDialer, givenUp } from '../../net/dialer.ts';
import type { Peer } from '../../net/peer.ts';
import type { RecipientAnswer } from '../../smtp/client/event.ts';
import { defaultTimeouts } from '../../smtp/client/timeouts.ts';
import type { Reply } from '../../smtp/reply.ts';
import { isPermanent, isPositive, isTransient, reply, replyLine } from '../../smtp/reply.ts';
import type { TlsFacts } from '../../smtp/tls-facts.ts';
import type { Content } from '../../store/content.ts';
import { memoryContent } from '../../store/content.ts';
import type { Connection } from '../relay/connection.ts';
import { openConnection } from '../relay/connection.ts';
import { tooManyAtOnce } from '../relay/hop-failure.ts';
import { fitToHop, headerHas8Bit } from '../relay/next-hop.ts';
import { securityOf } from '../relay/security/security.ts';
import { makeSteps } from '../relay/steps/outbound-steps.ts';
import type { SendMailInput } from './send-mail-input.ts';
import { checkedInput } from './send-mail-input.ts';
import type { SendMailOptions } from './send-mail-options.ts';

export interface SendMailResult {
  readonly accepted: readonly string[];
  readonly refused: readonly { readonly address: string; readonly reply: Reply }[];
  /** The server's word on the message; with LMTP, on its first recipient. */
  readonly reply: Reply;
  readonly tls: TlsFacts | undefined;
}

/** Nobody got the message. The message of the error is what the server said. */
export class SendMailError extends Error {
  override readonly name = 'SendMailError';
  /** Whether to try again is worth it: the reply of the first recipient, 5yz or 4yz. */
  readonly code: 'REFUSED' | 'DEFERRED';
  readonly reply: Reply;
  readonly refused: SendMailResult['refused'];

  constructor(reply: Reply, refused: SendMailResult['refused']) {
    super(replyLine(reply));
    this.code = isPermanent(reply) ? 'REFUSED' : 'DEFERRED';
    this.reply = reply;
    this.refused = refused;
  }
}

const steps = makeSteps();

/** Limit: RFC 5321 §4.1.1.10 would have us wait for the answer to QUIT. */
const quitMs = 5_000;

/**
 * Resolves when the server has the message for at least one recipient.
 * @throws InputError before anything is done; DialError, HopFailure (TLS, login, a server that does not
 * want us), SendMailError. Each has a `code`.
 */
export async function sendMail(given: SendMailOptions): Promise<SendMailResult> {
  const input = checkedInput(given);
  const options = { ...given, trace: untilItThrows(given.trace) };
  const note = (line: string) => options.trace?.('*', line);
  const started = performance.now();
  const elapsed = () => `${(performance.now() - started).toFixed(1)} ms`;
  const { signal } = options;
  const peer = await dial(options, note);
  // Whatever waits for the server is told that the connection is gone.
  const giveUp = () => peer.destroy();
  signal?.addEventListener('abort', giveUp);
  if (signal?.aborted) giveUp();
  let connection: Connection | undefined;
  try {
    connection = await open(peer, options, input);
    if (connection.tls !== undefined) note(tlsText(connection.tls));
    note(`ready after ${elapsed()}`);
    const result = await transact(connection, input, {
      delivers: options.protocol === 'lmtp',
    });
    note(`sent after ${elapsed()}`);
    return result;
  } catch (error) {
    throw signal?.aborted ? givenUp(signal) : error;
  } finally {
    if (connection !== undefined) await quit(connection);
    signal?.removeEventListener('abort', giveUp);
    note(`closed after ${elapsed()}`);
  }
}

/** What it throws is the caller's to hear, once: the goodbye that follows is not for it. */
function untilItThrows(trace: SendMailOptions['trace']): SendMailOptions['trace'] {
  let failed = false;
  return (
    trace &&
    ((direction, line) => {
      if (failed) return;
      failed = true;
      trace(direction, line);
      failed = false;
    })
  );
}

async function quit(connection: Connection): Promise<void> {
  const timer = setTimeout(() => connection.destroy(), quitMs);
  await connection.quit();
  clearTimeout(timer);
}

const hostOf = ({ path, host = path ?? '127.0.0.1' }: SendMailOptions) => host;
const portOf = ({ port, implicitTls, auth }: SendMailOptions) =>
  port ?? (implicitTls ? 465 : auth === undefined ? 25 : 587);

async function dial(options: SendMailOptions, note: (line: string) => void): Promise<Peer> {
  const { path, signal, connectMs: timeoutMs = 30_000 } = options;
  const [host, port] = [hostOf(options), portOf(options)];
  note(`connecting to ${path ?? `${host} port ${port}`}`);
  const where = path === undefined ? { address: host, port } : { path };
  const peer = await createDialer().dial({ ...where, timeoutMs, signal });
  try {
    note(`connected to ${path ?? `${peer.remote.address} port ${peer.remote.port}`}`);
  } catch (error) {
    peer.destroy();
    throw error;
  }
  return peer;
}

async function open(
  peer: Peer,
  options: SendMailOptions,
  { hostname }: SendMailInput,
): Promise<Connection> {
  const { auth, path, trace, authorities, tls = 'opportunistic', protocol = 'smtp' } = options;
  const [host, port] = [hostOf(options), portOf(options)];
  const implicitTls = options.implicitTls ?? (port === 465 && tls !== 'none');
  return openConnection(peer, {
    dialer: createDialer({ authorities }),
    host,
    port: path === undefined ? port : undefined,
    security: securityOf(path === undefined ? tls : 'none', named(host)),
    implicitTls,
    login: auth,
    session: {
      protocol,
      hostname,
      timeouts: { ...defaultTimeouts, ...defined(options.timeouts ?? {}) },
      trace,
    },
  });
}

async function transact(
  connection: Connection,
  { sender, recipients, message, params }: SendMailInput,
  { delivers }: { readonly delivers: boolean },
): Promise<SendMailResult> {
  const addresses = recipients.map(({ address }) => address);
  const content = memoryContent(message);
  const now = Date.now();
  const queued = {
    received: now,
    sender,
    params: [...(await paramsFor(content, [sender, ...addresses])), ...params],
    prefix: '',
    content,
  };
  const hop = { capabilities: connection.capabilities, delivers, submission: true, now };
  const fit = await fitToHop(queued, recipients, hop, steps);
  if (fit.kind === 'refuse') throw new SendMailError(fit.reply, []);
  const refused = [...fit.refused].map(([index, said]) => ({
    ...{ address: addresses[index]!, reply: said },
  }));
  if (refused[0] !== undefined) throw new SendMailError(refused[0].reply, refused);
  const answers: RecipientAnswer[] = [];
  // RFC 9422 §4: RCPTMAX; RFC 5321 §4.5.3.1.8: every server takes a hundred.
  const batchMax = Math.min(connection.capabilities.recipientsMax, 100);
  let pending = [...recipients.keys()];
  while (pending.length > 0 && connection.usable) {
    const batch = pending.slice(0, batchMax);
    const batchOf = batch.map((index) => fit.recipient(recipients[index]!));
    const sent = await connection.send({ ...fit.envelope, recipients: batchOf }, fit.read);
    for (const [at, index] of batch.entries()) answers[index] = sent.answers[at]!;
    pending = [...tooManyFor(batch, sent.answers), ...pending.slice(batch.length)];
  }
  return resultOf(addresses, answers, connection.tls);
}

/** RFC 5321 §4.5.3.1.10: who were too many have the next transaction, as long as each one is for somebody. */
function tooManyFor(batch: readonly number[], answers: readonly RecipientAnswer[]): number[] {
  const room = answers.some(({ stage, reply: said }) => stage !== 'RCPT' && !isTransient(said));
  return room ? batch.filter((_, at) => answers[at]!.tooMany === true) : [];
}

/** RFC 6152 §2, RFC 6531 §3.2: what the message asks of those who carry it. */
async function paramsFor(content: Content, addresses: readonly string[]): Promise<string[]> {
  const utf8 = !isAscii(...addresses) || (await headerHas8Bit(content));
  const eightBit = content.bytes !== undefined && has8Bit(content.bytes);
  return [...(utf8 || eightBit ? ['BODY=8BITMIME'] : []), ...(utf8 ? ['SMTPUTF8'] : [])];
}

function resultOf(
  addresses: readonly string[],
  answers: readonly RecipientAnswer[],
  tls: TlsFacts | undefined,
): SendMailResult {
  const told = addresses.map((address, at) => ({ address, reply: replyTo(answers[at]) }));
  const accepted = told.filter(({ reply }) => isPositive(reply));
  const refused = told.filter(({ reply }) => !isPositive(reply));
  const [first] = accepted;
  if (first === undefined) throw new SendMailError(refused[0]!.reply, refused);
  return { accepted: accepted.map(({ address }) => address), refused, reply: first.reply, tls };
}

const replyTo = (answer: RecipientAnswer | undefined): Reply =>
  answer?.tooMany === true ? tooManyAtOnce(answer.reply) : (answer?.reply ?? unasked);

const unasked = reply(451, '4.2', 'The server took no more messages over this connection');

const named = (name: string) => ({ name, initialName: name, domains: [] });

const isAscii = (...texts: readonly string[]): boolean =>
  texts.every((text) => /^[\x00-\x7f]*$/.test(text));

function tlsText({
  protocol,
  cipher,
  verified,
  peerNames,
  verifyError,
  resumed,
}: TlsFacts): string {
  const trust = verified ? 'certificate verified' : `certificate not verified (${verifyError})`;
  const names = peerNames.length === 0 ? '' : ` for ${peerNames.join(', ')}`;
  return `${protocol} ${cipher}, ${trust}${names}${resumed === true ? ', resumed' : ''}`;
}
