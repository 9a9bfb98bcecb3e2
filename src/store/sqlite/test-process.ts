// A process that stores messages until it is killed, and says which ones were promised: run by
// stores.test.ts, with and without strace.
//   node test-process.ts DIRECTORY enqueue|settle|journal COUNT

import { writeSync } from 'node:fs';
import { systemClock } from '../../base/clock.ts';
import { silentLog } from '../../base/log.ts';
import { delivered, message, settlement } from '../conformance/harness.ts';
import { openSqliteStores } from './stores.ts';

const [directory = '', what = 'enqueue', count = '1'] = process.argv.slice(2);
const clock = systemClock();
// The first two without the journal, to show what the database does.
const journal = what === 'journal' ? { prepare: true } : false;
const { queue, spool } = await openSqliteStores({ directory, clock, log: silentLog, journal });
const say = (line: string) => writeSync(1, `${line}\n`);

// Ids sort as they are made: eleven characters.
let made = 0;
const nextId = () => {
  made += 1;
  return `0${String(made).padStart(10, '0')}`;
};

if (what !== 'enqueue') {
  const leaseUntil = clock.now() + 60_000;
  const [lease] = await queue.enqueue(message(nextId()), { leaseUntil });
  say('enqueued');
  await queue.settle(settlement(lease!, delivered));
  say('settled');
} else {
  const one = async () => {
    for (let i = 0; i < Number(count); i += 1) {
      const id = nextId();
      const large = i % 10 === 9;
      const writer = large ? spool.create() : undefined;
      await writer?.write(Buffer.alloc(200_000, id));
      const content = await writer?.commit();
      await queue.enqueue(message(id, content === undefined ? {} : { content }), {
        leaseUntil: undefined,
      });
      say(id);
    }
  };
  await Promise.all(Array.from({ length: 4 }, one));
}
say('done');
// Limit: whoever was to kill it waits for something that does not come.
setTimeout(() => process.exit(1), 60_000);
