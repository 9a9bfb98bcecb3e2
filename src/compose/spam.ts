// What accounts call spam: who learns from it, and who judges by it.

import type { Config } from '../config/config.ts';
import { httpRequest } from '../net/http-request.ts';
import { rspamdLearning } from '../policy/filters/rspamd-learning.ts';
import type { OtherPupil } from '../policy/spam/junk-learner.ts';
import { JunkLearner } from '../policy/spam/junk-learner.ts';
import { SpamFilter } from '../policy/spam/spam-filter.ts';
import type { ServiceParts } from './service-parts.ts';

export interface Spam extends AsyncDisposable {
  readonly filter: SpamFilter;
  readonly learner: JunkLearner;
}

export function createSpam({
  inForce,
  stores,
  metrics,
  clock,
  log,
}: Pick<ServiceParts, 'inForce' | 'stores' | 'metrics' | 'clock' | 'log'>): Spam {
  const settings = () => inForce().config.spamFilter;
  // `dev` judges nobody.
  const enabled = () => settings().enabled && !inForce().config.dev;
  const filter = new SpamFilter({
    ...{ store: stores.spam, clock, log },
    settings: () => ({ ...settings(), enabled: enabled() }),
    count: (result) => metrics.spamFilter[result].add(),
  });
  const learner = new JunkLearner({
    ...{ folders: stores.folders, spam: stores.spam, log },
    settings: () => ({ enabled: enabled(), others: othersOf(inForce().config) }),
    learnt(account, is) {
      filter.forget(account);
      metrics.spamLearnt[is].add();
    },
  });
  return { filter, learner, [Symbol.asyncDispose]: () => learner.close() };
}

const othersOf = ({ filters }: Config): readonly OtherPupil[] =>
  filters.flatMap((each) => {
    if (each.kind !== 'rspamd' || each.controller === undefined) return [];
    const settings = { ...each, controller: each.controller };
    return [rspamdLearning({ settings, request: httpRequest })];
  });
