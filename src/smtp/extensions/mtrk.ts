// MTRK: what becomes of a message can be asked for afterwards, by whoever knows the secret that its certifier
// was made of. RFC 3885. It travels with what is left of its time to hops that offer it.

import type { Reply } from '../reply.ts';
import { reply } from '../reply.ts';
import type { EnvidParam } from './dsn.ts';
import type { Extension, Hop, Param, ParamRule, Travel } from './extension.ts';
import { drop } from './extension.ts';

export interface MtrkParam {
  readonly name: 'MTRK';
  /** The secret's SHA-1 in base64, without padding. */
  readonly certifier: string;
  /** How long it is wanted; undefined: as long as is usual here. */
  readonly seconds: number | undefined;
}

/** RFC 3885 §3.1: "This default SHOULD be 8-10 days". */
export const trackedSeconds = 9 * 86_400;

// RFC 3885 §3.1: mtrk-certifier [ ":" mtrk-timeout ]; SHA-1 has 160 bits, which are 27 characters.
const form = /^([a-z0-9+/]{27})=?(?::(\d{1,9}))?$/i;

const mtrkParam: ParamRule<MtrkParam> = {
  name: 'MTRK',
  parse(value) {
    const [, certifier, seconds] = form.exec(value) ?? [];
    if (certifier === undefined) return undefined;
    return {
      name: 'MTRK',
      certifier,
      seconds: seconds === undefined ? undefined : Number(seconds),
    };
  },
  format,
  // RFC 3885 §3.1, §3.3
  relay(param, { offered, waitedMs = 0 }: Hop): Travel {
    const left = (param.seconds ?? trackedSeconds) - Math.floor(waitedMs / 1000);
    if (!offered.has('MTRK') || left <= 0) return drop;
    return { kind: 'send', value: format({ ...param, seconds: left }) };
  },
};

function format({ certifier, seconds }: MtrkParam): string {
  return `MTRK=${certifier}${seconds === undefined ? '' : `:${seconds}`}`;
}

const needsEnvid = reply(501, '5.4', 'MTRK needs an ENVID that no other message has: NAME@HOST');

/** RFC 3885 §3.2: an ENVID that is unique must be there: unique-envid = local-envid "@" fqhn */
function lacksEnvid(params: readonly Param[]): Reply | undefined {
  if (!params.some(({ name }) => name === 'MTRK')) return undefined;
  const envid = params.find((param): param is EnvidParam => param.name === 'ENVID');
  const isUnique = /^[^@]+@[^@]+$/.test(envid?.id.replace(/^<(.*)>$/, '$1') ?? '');
  return isUnique ? undefined : needsEnvid;
}

export const mtrk = {
  keyword: 'MTRK',
  // Where nobody can ask, nothing is kept.
  advertise: ({ mtrk: asked = false }) => (asked ? '' : undefined),
  mail: [mtrkParam],
  conflict: lacksEnvid,
  // RFC 3885 §2 (5)
  mailBytes: 40,
} as const satisfies Extension;
