// Writes docs/replies.md: every reply that stands in the source, with the file that gives it. A test
// compares the two, so the page is true. Replies of next hops and of your own hooks are not ours.

import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');

interface Given {
  readonly code: number;
  readonly detail: string | undefined;
  readonly text: string;
  readonly file: string;
}

/** RFC 5321 §4.2.3, and the extensions that add to it. */
const meanings: ReadonlyMap<number, string> = new Map([
  [214, 'help'],
  [220, 'ready'],
  [221, 'closing the connection'],
  [235, 'authentication succeeded (RFC 4954)'],
  [250, 'done'],
  [252, 'not verified, but will be tried'],
  [334, 'continue the authentication (RFC 4954)'],
  [354, 'send the message'],
  [421, 'service not available, the connection is closed'],
  [450, 'mailbox unavailable at present'],
  [451, 'local error or a failure elsewhere: try again later'],
  [452, 'insufficient storage, or too many recipients: try again later'],
  [453, 'no mail is waiting to be fetched (RFC 2645)'],
  [454, 'temporarily not possible (RFC 3207, RFC 4954)'],
  [458, 'unable to queue for this node (RFC 1985)'],
  [459, 'no queue is kept for this node (RFC 1985)'],
  [500, 'not understood'],
  [501, 'syntax error in parameters'],
  [502, 'not implemented'],
  [503, 'commands out of order'],
  [504, 'parameter not implemented'],
  [530, 'authentication required (RFC 4954)'],
  [535, 'authentication failed (RFC 4954)'],
  [538, 'encryption required first (RFC 4954)'],
  [550, 'not done: mailbox unavailable, or policy'],
  [552, 'too big'],
  [553, 'address not allowed'],
  [554, 'transaction failed'],
  [555, 'parameter of MAIL or RCPT not implemented'],
]);

const text = String.raw`'((?:[^'\\]|\\.)*)'|\x60([^\x60]*)\x60|"([^"]*)"`;
/** `reply(550, '1.1', '…')`; `syntax('5.4', '…')` is a 501 of smtp/reply.ts. */
const given = new RegExp(
  String.raw`\b(?:reply\(\s*(\d{3}),|syntax\()\s*(?:'(\d+\.\d+)'|undefined),\s*(?:${text})`,
  'g',
);

function findReplies(): Given[] {
  const found = new Map<string, Given>();
  for (const file of globSync('src/**/*.ts', { cwd: root }).sort()) {
    if (/\.test\.ts$|conformance|scripted-|transcript/.test(file)) continue;
    for (const match of readFileSync(join(root, file), 'utf8').matchAll(given)) {
      const code = Number(match[1] ?? 501);
      const words = (match[3] ?? match[4] ?? match[5])!.replaceAll(/\$\{[^}]*\}+/g, '…');
      const one = { code, detail: match[2], text: words.replaceAll('\\', ''), file };
      found.set(`${code} ${one.detail} ${one.text} ${isForClients(file)}`, one);
    }
  }
  return [...found.values()].sort(
    (a, b) => a.code - b.code || (a.detail ?? '').localeCompare(b.detail ?? '', 'en'),
  );
}

/** The others are what bounces, `queue list` and `why` say. */
const isForClients = (file: string) => !/^src\/(deliver|queue)\//.test(file);

function table(replies: readonly Given[]): string {
  const rows = replies.map(({ code, detail, text, file }) => {
    const status = detail === undefined ? '' : `${Math.floor(code / 100)}.${detail}`;
    return `| ${code} | ${status} | \`${text.replaceAll('|', '\\|')}\` | \`${file}\` |`;
  });
  return ['| code | status | text | from |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

export function repliesDocs(): string {
  const replies = findReplies();
  const codes = [...new Set(replies.map(({ code }) => code))];
  const unknown = codes.filter((code) => !meanings.has(code));
  if (unknown.length > 0) throw new Error(`say in print-replies.ts what ${unknown} means`);
  return `# Replies

Every reply Postrider gives, by code. Printed from the source by \`node scripts/print-replies.ts\`;
a test compares the two. The first digit decides what a client does: 2 done, 3 go on, 4 try again
later, 5 give up. The status after the code (RFC 3463) begins with the same digit. \`…\` stands for what
differs from case to case. Not in the tables: the greeting and the reply to EHLO, and the 334 of an
AUTH exchange, which carries no words.

| code | means |
| --- | --- |
${codes.map((code) => `| ${code} | ${meanings.get(code)} |`).join('\n')}

## What clients hear

${table(replies.filter(({ file }) => isForClients(file)))}

## What bounces, \`queue list\` and \`why\` say

Mostly the next host speaks there, word for word. These are ours, when there was nobody to speak.

${table(replies.filter(({ file }) => !isForClients(file)))}
`;
}

if (import.meta.main) writeFileSync(join(root, 'docs/replies.md'), repliesDocs());
