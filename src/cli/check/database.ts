// `check`, the database that several nodes share: whether it is there, and what a 250 is worth with it.

import { firstLineOf } from '../../base/error-text.ts';
import type { Finding } from '../../compose/published/finding.ts';
import { failure, ok, warning } from '../../compose/published/finding.ts';
import type { DatabaseFacts } from '../../store/database-facts.ts';
import { inspectDatabase } from '../../store/open-stores.ts';
import { moveFindings } from './move.ts';

const path = 'store.url';

export async function databaseFindings(
  settings: Parameters<typeof inspectDatabase>[0],
): Promise<readonly Finding[]> {
  try {
    return findingsOf(await inspectDatabase(settings));
  } catch (error) {
    return [failure(path, firstLineOf(error))];
  }
}

export function findingsOf(facts: DatabaseFacts): readonly Finding[] {
  const { version, isKnown, isFlushed, isStandby, isLimited, standbys, waitsForStandby } = facts;
  if (!isKnown)
    return [failure(path, `PostgreSQL ${version} is too old: 15 is the oldest that is served`)];
  if (isStandby)
    return [failure(path, 'this is a standby, which cannot be written to: name the primary')];
  const findings = [ok(path, `PostgreSQL ${version}`)];
  if (!isFlushed)
    findings.push(
      failure(
        path,
        'what is committed may not be on the disk (fsync, synchronous_commit): a power failure loses mail that was answered with 250',
      ),
    );
  if (!isLimited)
    findings.push(
      warning(
        path,
        "nothing ends a statement that hangs: ALTER ROLE postrider SET statement_timeout = '30s', since a pooler passes no settings on",
      ),
    );
  if (!facts.seesAll)
    findings.push(
      warning(
        path,
        'neither standbys nor transactions of others that hold the queue back can be seen: GRANT pg_read_all_stats TO postrider',
      ),
    );
  if (standbys > 0 && !waitsForStandby)
    findings.push(
      warning(
        path,
        'no commit waits for a standby (synchronous_standby_names): a failover may lose mail of the last moment that was answered with 250',
      ),
    );
  if (standbys === 0 && waitsForStandby && facts.seesAll)
    findings.push(
      warning(
        path,
        "each commit waits for a standby (synchronous_standby_names), and none is there: no mail is taken until one is, or until ALTER SYSTEM SET synchronous_standby_names = '' and SELECT pg_reload_conf()",
      ),
    );
  return [...findings, ...moveFindings('store', facts.move)];
}
