// From a list of names to a certificate: an order, a proof for each name, the request, the chain. RFC 8555 §7.4 and §7.5.
// An order that was begun before is gone on with. It waits by the clock it is given, and gives up in time.

import type { KeyObject } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import { sleep } from '../base/clock.ts';
import { certificateRequest } from '../net/certificate.ts';
import type { AcmeClient, Answer } from './acme-client.ts';
import type { Solver } from './challenges.ts';
import { keyAuthorization } from './jws.ts';
import type { Authorization, Challenge, Order, Problem } from './messages.ts';
import { AcmeError, problemText, readAuthorization, readOrder } from './messages.ts';
import { readCertificate } from './renewal.ts';

export interface OrderRequest {
  readonly names: readonly string[];
  readonly privateKey: KeyObject;
  /** In the order in which they are preferred. */
  readonly solvers: readonly Solver[];
  /** RFC 9773 §5: the certificate that this one takes the place of. */
  readonly replaces?: string | undefined;
  /** One of those that the authority's directory lists. */
  readonly profile?: string | undefined;
  /** An order of before, for the same names and key. */
  readonly begun?: string | undefined;
  /** There is an order, and this is its URL. */
  readonly onOrder: (url: string) => Promise<void>;
}

/** Limit: how long the authority may take for one step. */
const stepMs = 5 * 60_000;
/** How often we look, where it does not say. */
const pollMs = [500, 1_000, 2_000, 3_000, 5_000] as const;
/** Limit: how often we are told to look, at most. */
const pollMsMin = 250;

interface Parts {
  readonly client: AcmeClient;
  readonly clock: Clock;
}

/** Resolves to the chain, in PEM. @throws AcmeError, HttpError, or what a solver throws. */
export async function obtain(parts: Parts, request: OrderRequest): Promise<string> {
  const { client } = parts;
  let { url, order } = (await resumed(parts, request)) ?? (await begun(parts, request));
  if (order.status === 'pending') {
    for (const each of order.authorizations) await authorize(parts, each, request.solvers);
    order = await settled(parts, url, ['pending']);
  }
  if (order.status === 'ready') {
    const csr = certificateRequest(request.names, request.privateKey).toString('base64url');
    await client.post(order.finalize, { csr });
    order = await settled(parts, url, ['ready', 'processing']);
  }
  if (order.status === 'processing') order = await settled(parts, url, ['processing']);
  if (order.status !== 'valid' || order.certificate === undefined) throw failed(order);
  const chain = await client.post(
    order.certificate,
    undefined,
    'application/pem-certificate-chain',
  );
  return checked(chain.body, request);
}

interface Placed {
  readonly url: string;
  readonly order: Order;
}

/** Undefined when there is none that is of any use. */
async function resumed(
  { client }: Parts,
  { begun: url }: OrderRequest,
): Promise<Placed | undefined> {
  if (url === undefined) return undefined;
  try {
    const order = readOrder((await client.post(url)).json());
    return order.status === 'invalid' ? undefined : { url, order };
  } catch (error) {
    // The authority has forgotten it. What else went wrong will go wrong again.
    if (error instanceof AcmeError) return undefined;
    throw error;
  }
}

async function begun({ client }: Parts, request: OrderRequest): Promise<Placed> {
  const { newOrder, renewalInfo } = await client.directory();
  const { names, profile, onOrder } = request;
  const wanted = {
    identifiers: names.map((value) => ({ type: 'dns', value })),
    ...(profile !== undefined && { profile }),
  };
  // RFC 9773 §5: only where the authority has it.
  const replaces = renewalInfo === undefined ? undefined : request.replaces;
  let answer: Answer;
  try {
    answer = await client.post(newOrder, {
      ...wanted,
      ...(replaces !== undefined && { replaces }),
    });
  } catch (error) {
    // RFC 9773 §5: "replaces" is advice: what it is refused for (alreadyReplaced …) keeps nobody from a certificate.
    const isAdvice = error instanceof AcmeError && adviceRefused.has(error.type);
    if (replaces === undefined || !isAdvice) throw error;
    answer = await client.post(newOrder, wanted);
  }
  const url = answer.headers.get('location');
  if (url === undefined) throw new AcmeError('the authority does not say where the order is');
  await onOrder(url);
  return { url, order: readOrder(answer.json()) };
}

const adviceRefused: ReadonlySet<string> = new Set(['alreadyReplaced', 'malformed', 'conflict']);

async function authorize(parts: Parts, url: string, solvers: readonly Solver[]): Promise<void> {
  const { client } = parts;
  const before = readAuthorization((await client.post(url)).json());
  if (before.status === 'valid') return;
  const { solver, challenge } = chosen(before, solvers);
  const { token } = challenge;
  const proof = { name: before.name, token, keyAuthorization: keyAuthorization(token, client.key) };
  try {
    await solver.present(proof);
    await client.post(challenge.url, {});
    const after = await polled(parts, url, readAuthorization, ({ status }) => status === 'pending');
    if (after.status !== 'valid') throw refused(after, solver.type);
  } catch (error) {
    // Why there is no certificate is what is to be known; what is left behind is not the reason.
    await solver.withdraw(proof).catch(() => {});
    throw error;
  }
  await solver.withdraw(proof);
}

function chosen(
  { name, status, challenges }: Authorization,
  solvers: readonly Solver[],
): { readonly solver: Solver; readonly challenge: Challenge } {
  if (status !== 'pending')
    throw new AcmeError(`${name}: the authority calls its authorization ${status}`);
  for (const solver of solvers) {
    const challenge = challenges.find(({ type }) => type === solver.type);
    if (challenge !== undefined) return { solver, challenge };
  }
  const offered = challenges.map(({ type }) => type).join(', ');
  throw new AcmeError(`${name}: the authority wants one of ${offered}, and none of them is set up`);
}

function refused({ name, challenges }: Authorization, type: string): AcmeError {
  const problem = challenges.find((one) => one.type === type)?.problem;
  return new AcmeError(`${name} by ${type}: ${saidOf(problem)}`, { type: problem?.type ?? '' });
}

const failed = ({ status, problem }: Order): AcmeError =>
  new AcmeError(`the order is ${status}: ${saidOf(problem)}`, { type: problem?.type ?? '' });

const saidOf = (problem: Problem | undefined): string =>
  problem === undefined ? 'the authority does not say why' : problemText(problem);

/** The order once it is in none of these states. */
const settled = (parts: Parts, url: string, states: readonly Order['status'][]): Promise<Order> =>
  polled(parts, url, readOrder, ({ status }) => states.includes(status));

async function polled<T>(
  { client, clock }: Parts,
  url: string,
  read: (json: unknown) => T,
  isUnderWay: (found: T) => boolean,
): Promise<T> {
  const giveUpAt = clock.now() + stepMs;
  for (let round = 0; ; round += 1) {
    const answer = await client.post(url);
    const found = read(answer.json());
    if (!isUnderWay(found)) return found;
    const usual = pollMs[Math.min(round, pollMs.length - 1)]!;
    // RFC 8555 §7.5.1: Retry-After says when to look again.
    const waitMs = Math.max((answer.retryAt ?? clock.now() + usual) - clock.now(), pollMsMin);
    if (clock.now() + waitMs > giveUpAt)
      throw new AcmeError('the authority has not come to an end in time');
    await sleep(clock, waitMs);
  }
}

/** RFC 8555 §9.1: whatever it is, it is looked at before it is used. */
function checked(chain: string, { names, privateKey }: OrderRequest): string {
  const [first] = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/.exec(chain) ?? [];
  if (first === undefined) throw new AcmeError('the authority sent no certificate');
  const certificate = readCertificate(first);
  const missing = names.find((name) => {
    const host = name.replace(/^\*\./, 'x.');
    return certificate.checkHost(host, { subject: 'never' }) === undefined;
  });
  if (missing !== undefined) throw new AcmeError(`the certificate is not for ${missing}`);
  if (!certificate.checkPrivateKey(privateKey))
    throw new AcmeError('the certificate is of another key');
  return chain;
}
