// What a client called itself, RFC 5321 §4.1.1.1: its name, fully qualified, or an address in brackets. Many
// honest machines are set up badly, so this is never more than points.

import { isIP } from 'node:net';
import { domainKey, isAddressLiteral } from '../../mail/fields/address.ts';
import type { Policy } from '../policy.ts';
import { suspicionOf } from './suspicion.ts';

/** The names of the configuration's `suspicion`. */
export interface HelloPoints {
  readonly helloIsOurs: number;
  readonly helloIsAddress: number;
  readonly helloNotQualified: number;
}

export interface HelloCheckParts {
  readonly points: () => HelloPoints;
  /** The server's name, or a domain of ours. */
  readonly isOurs: (domain: string) => boolean;
}

export function helloCheck({ points, isOurs }: HelloCheckParts): Policy {
  function judge(hello: string, of: HelloPoints): readonly [points: number, text: string] {
    if (isAddressLiteral(hello)) return [0, ''];
    if (isIP(hello) !== 0) return [of.helloIsAddress, 'HELO with an address without brackets'];
    const name = hello.replace(/\.$/, '');
    if (isOurs(domainKey(name))) return [of.helloIsOurs, 'HELO with a name of ours'];
    if (!name.includes('.')) return [of.helloNotQualified, 'HELO without a full name'];
    return [0, ''];
  }
  return {
    name: 'hello-check',
    mail({ client }) {
      const [found, text] = judge(client.hello, points());
      if (found === 0) return undefined;
      return { findings: suspicionOf({ points: found, policy: 'hello-check', text }) };
    },
  };
}
