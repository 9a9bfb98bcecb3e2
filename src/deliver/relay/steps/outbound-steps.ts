// The steps between the decision that a message goes to a hop and its sending, each of which sees the
// octets as the one before has left them. Their order is that of the table, whatever the settings
// say: what changes octets stands before what vouches for them. Settings are plain data, since relays
// may run in another thread; the functions are made of them there.

import { systemClock } from '../../../base/clock.ts';
import { silentLog } from '../../../base/log.ts';
import { conversion } from './conversion.ts';
import type { OutboundStep, StepMaker, StepParts } from './outbound-step.ts';
import { sealing } from './sealing.ts';
import { signing } from './signing.ts';

/** A step is a file of its own and a line here. */
const steps = {
  convert: conversion,
  seal: sealing,
  sign: signing,
};

/** By the names of the steps. */
export type OutboundSettings = {
  readonly [Name in keyof typeof steps]?: Parameters<(typeof steps)[Name]>[0];
};

export type StepTable = Readonly<Record<string, StepMaker<never>>>;

export const outboundSteps: StepTable = steps;

/** Those that have something to do by these settings, in the order of the table. */
export function makeSteps(
  settings: OutboundSettings = {},
  table: StepTable = outboundSteps,
  parts: StepParts = { clock: systemClock(), log: silentLog },
): readonly OutboundStep[] {
  const given = new Map<string, unknown>(Object.entries(settings));
  return Object.entries(table).flatMap(
    ([name, make]) => make(given.get(name) as never, parts) ?? [],
  );
}
