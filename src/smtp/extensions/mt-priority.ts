// MT-PRIORITY: which mail goes first. RFC 6710. All nineteen levels are told apart, so no assignment
// policy is named. A priority above 0 is believed of those who may relay here and of nobody else; lower
// ones of everybody. What is believed travels on to each hop that offers the extension.

import type { Extension, ParamRule } from './extension.ts';
import { sendIfOffered } from './extension.ts';

export interface PriorityParam {
  readonly name: 'MT-PRIORITY';
  /** -9 to 9; without the parameter it is 0. */
  readonly priority: number;
  /** What the client wanted, where that is not believed. */
  readonly wanted?: number;
}

const priorityParam: ParamRule<PriorityParam> = {
  name: 'MT-PRIORITY',
  // RFC 6710 §7: priority-value = (["-"] NZDIGIT) / "0"
  parse: (value) =>
    /^(?:-?[1-9]|0)$/.test(value) ? { name: 'MT-PRIORITY', priority: Number(value) } : undefined,
  format,
  // RFC 6710 §4.1: "MUST NOT allow "upgraded" (positive) priorities from untrusted … sources"
  believe: (param, { trusted, authenticated = false }) =>
    param.priority <= 0 || trusted || authenticated
      ? param
      : { name: 'MT-PRIORITY', priority: 0, wanted: param.priority },
  // RFC 6710 §4.2, §4.3
  relay: sendIfOffered('MT-PRIORITY', format),
};

function format({ priority }: PriorityParam): string {
  return `MT-PRIORITY=${priority}`;
}

export const mtPriority = {
  keyword: 'MT-PRIORITY',
  advertise: () => '',
  mail: [priorityParam],
  // RFC 6710 §3 (6)
  mailBytes: 15,
} as const satisfies Extension;
