// What a server keeps of a password for SCRAM: RFC 5802 §3, RFC 5803, RFC 7677.

export interface ScramKeys {
  readonly iterations: number;
  readonly salt: Uint8Array;
  readonly storedKey: Uint8Array;
  readonly serverKey: Uint8Array;
}
