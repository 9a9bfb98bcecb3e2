// SCRAM-SHA-256 and SCRAM-SHA-256-PLUS, the client's half: RFC 5802, RFC 7677. Finds out whether the
// server knows the password too, and does not answer one that asks for a weak or an endless hash.

import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { ChannelBindingType } from './exchange.ts';
import type { SaslClient } from './mechanism.ts';
import { escapeName } from './sasl-name.ts';
import { saslprep } from './saslprep.ts';
import { clientKeyOf, hash, hmac, saltedPasswordOf, serverKeyOf, xor } from './scram-keys.ts';

export interface ScramClientOptions {
  readonly user: string;
  readonly password: string;
  /** Makes it -PLUS. */
  readonly binding?: { readonly type: ChannelBindingType; readonly bytes: Uint8Array } | undefined;
  /** We could bind to the channel, but the server did not offer to. RFC 5802 §6, flag "y". */
  readonly couldBind?: boolean;
  /** Printable, no comma. For tests. */
  readonly nonce?: string;
}

/** Limit: RFC 7677 §4 asks servers for 4096 at least; less is an attempt to learn the password. */
const iterationsMin = 4096;
/** Limit: some 150 ms of our only thread. */
const iterationsMax = 600_000;

// RFC 5802 §7: server-first-message, without mandatory extensions.
const serverFirst =
  /^r=([\x21-\x2b\x2d-\x7e]{1,1024}),s=([A-Za-z0-9+/]{4,1024}={0,2}),i=([1-9]\d{0,8})(?:,[A-Za-z]=[^\0,]+)*$/;
const serverFinal = /^(?:v=([A-Za-z0-9+/]{43}=)|e=([^\0,]{1,200}))(?:,[A-Za-z]=[^\0,]+)*$/;

export function scramClient(options: ScramClientOptions): SaslClient {
  const { user, binding, couldBind = false } = options;
  const { nonce = randomBytes(18).toString('base64') } = options;
  const password = saslprep(options.password) ?? options.password;
  const flag = binding === undefined ? (couldBind ? 'y' : 'n') : `p=${binding.type}`;
  const header = `${flag},,`;
  const bare = `n=${escapeName(saslprep(user) ?? user)},r=${nonce}`;
  let expected: Buffer | undefined;
  let proven = false;

  function prove(text: string): Uint8Array {
    const match = serverFirst.exec(text);
    const [, bothNonces = '', salt = '', count = ''] = match ?? [];
    const iterations = Number(count);
    if (match === null) throw new Error('SCRAM: the server’s first message makes no sense');
    if (!bothNonces.startsWith(nonce) || bothNonces.length === nonce.length)
      throw new Error('SCRAM: the server’s nonce does not continue ours');
    if (iterations < iterationsMin || iterations > iterationsMax)
      throw new Error(`SCRAM: the server asks for ${iterations} iterations`);
    const salted = saltedPassword(password, Buffer.from(salt, 'base64'), iterations);
    const channel = Buffer.concat([Buffer.from(header), binding?.bytes ?? Buffer.alloc(0)]);
    const withoutProof = `c=${channel.toString('base64')},r=${bothNonces}`;
    const authMessage = `${bare},${text},${withoutProof}`;
    const clientKey = clientKeyOf(salted);
    const proof = xor(clientKey, hmac(hash(clientKey), authMessage));
    expected = hmac(serverKeyOf(salted), authMessage);
    return Buffer.from(`${withoutProof},p=${proof.toString('base64')}`);
  }

  function check(text: string, signature: Buffer): Uint8Array {
    const [, verifier, error] = serverFinal.exec(text) ?? [];
    if (error !== undefined) throw new Error(`SCRAM: the server refuses: ${error}`);
    if (verifier === undefined || !timingSafeEqual(Buffer.from(verifier, 'base64'), signature))
      throw new Error('SCRAM: the server does not know the password');
    proven = true;
    return new Uint8Array(0);
  }

  return {
    mechanism: binding === undefined ? 'SCRAM-SHA-256' : 'SCRAM-SHA-256-PLUS',
    initial: () => Buffer.from(header + bare),
    respond(challenge) {
      const text = Buffer.from(challenge).toString('utf8');
      if (proven) throw new Error('SCRAM: the server goes on after the end');
      return expected === undefined ? prove(text) : check(text, expected);
    },
    succeeded() {
      if (!proven) throw new Error('SCRAM: the server has not shown that it knows the password');
    },
  };
}

// A smarthost asks the same of us at each connection; the hash of it is remembered.
const remembered = new Map<string, Buffer>();
const rememberedMax = 16;
const secret = randomBytes(32);

function saltedPassword(password: string, salt: Uint8Array, iterations: number): Buffer {
  const key = hmac(secret, `${iterations} ${Buffer.from(salt).toString('hex')} ${password}`);
  const name = key.toString('base64');
  let salted = remembered.get(name);
  if (salted !== undefined) return salted;
  salted = saltedPasswordOf(password, salt, iterations);
  for (const oldest of remembered.keys()) {
    if (remembered.size < rememberedMax) break;
    remembered.delete(oldest);
  }
  remembered.set(name, salted);
  return salted;
}
