// What a server keeps of a password for SCRAM: RFC 5802 §3, RFC 5803, RFC 7677. With it alone nobody
// can log in; only guess, at the price of `iterations` for each guess.

import { createHash, createHmac, pbkdf2, pbkdf2Sync } from 'node:crypto';

export interface ScramKeys {
  readonly iterations: number;
  readonly salt: Uint8Array;
  readonly storedKey: Uint8Array;
  readonly serverKey: Uint8Array;
}

/** `password` is prepared (saslprep.ts). Runs on the thread pool. */
export function deriveScramKeys(
  password: string,
  salt: Uint8Array,
  iterations: number,
): Promise<ScramKeys> {
  return new Promise((resolve, reject) => {
    pbkdf2(password, salt, iterations, 32, 'sha256', (error, saltedPassword) => {
      if (error !== null) return reject(error);
      const storedKey = hash(clientKeyOf(saltedPassword));
      return resolve({ iterations, salt, storedKey, serverKey: serverKeyOf(saltedPassword) });
    });
  });
}

// RFC 5802 §3: SaltedPassword := Hi(Normalize(password), salt, i), which is PBKDF2.
export const saltedPasswordOf = (password: string, salt: Uint8Array, iterations: number): Buffer =>
  pbkdf2Sync(password, salt, iterations, 32, 'sha256');

export const clientKeyOf = (saltedPassword: Uint8Array): Buffer =>
  hmac(saltedPassword, 'Client Key');
export const serverKeyOf = (saltedPassword: Uint8Array): Buffer =>
  hmac(saltedPassword, 'Server Key');

export const hash = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest();
export const hmac = (key: Uint8Array, text: string): Buffer =>
  createHmac('sha256', key).update(text).digest();

/** Both have the length of a SHA-256 hash. */
export function xor(a: Uint8Array, b: Uint8Array): Buffer {
  const result = Buffer.alloc(32);
  for (let i = 0; i < 32; i += 1) result[i] = a[i]! ^ b[i]!;
  return result;
}
