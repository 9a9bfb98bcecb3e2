// Writes docs/events.md: every event that the log knows, from the table in the source. A test compares the two.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EventGroup } from '../src/base/log-events.ts';
import { logEvents } from '../src/base/log-events.ts';

const root = join(import.meta.dirname, '..');

const titles: Readonly<Record<EventGroup, string>> = {
  messages: 'Messages',
  clients: 'Clients',
  'other servers': 'Other servers',
  reports: 'Reports',
  server: 'The server',
  storage: 'Storage',
};

export function eventsPage(): string {
  const tables = Object.entries(titles).map(([group, title]) => {
    const rows = logEvents
      .filter((one) => one.group === group)
      .map(({ name, about }) => `| \`${name}\` | ${about.replaceAll('|', '\\|')} |`);
    return `## ${title}\n\n| event | what happened |\n| --- | --- |\n${rows.join('\n')}\n`;
  });
  return `# Events

What the log tells, by the names in its field \`event\`. Names are stable: alerts and searches may rely on them. Which fields
there are besides, and what each means, is in [operating.md](operating.md#the-log); an event has those that are known.
This page is made by \`node scripts/print-events.ts\`.

${tables.join('\n')}`;
}

if (import.meta.main) writeFileSync(join(root, 'docs/events.md'), eventsPage());
