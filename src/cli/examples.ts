// What the help of each command shows of its use: lines that can be copied, with names that belong to nobody.

import type { Command } from 'commander';

/** By the words after `postrider`; of each line the words after them, or a whole line of a shell where it says so. */
const examples: Readonly<Record<string, readonly string[]>> = {
  serve: ['', '--config /etc/postrider/postrider.config.ts'],
  dev: [
    '',
    '--port 2525 --port http=8080',
    '--host 0.0.0.0 --data /data --max-age 7d',
    '--relay smtp.example.org:587',
  ],
  init: ['ann@example.org', 'ann@example.org --acme --user postrider'],
  check: ['', '--dns', `--json | jq -r 'select(.state=="failure").text'`],
  'account add': [
    'ann@example.org',
    '$ pass mail/ann | postrider account add ann@example.org --password-stdin',
  ],
  'account list': ['', '--json | jq -r .address'],
  'account password': ['ann@example.org'],
  'account release': ['ann@example.org'],
  'account remove': ['ann@example.org --yes'],
  'account address add': ['ann@example.org sales@example.org'],
  'account address remove': ['ann@example.org sales@example.org'],
  'account app-password add': ['ann@example.org phone'],
  'account app-password remove': ['ann@example.org phone'],
  'account rules list': ['ann@example.org', 'ann@example.org --json >rules.json'],
  'account rules set': [
    'ann@example.org rules.json',
    `$ echo '{"forward":{"to":["ann@elsewhere.example"]}}' | postrider account rules set ann@example.org`,
  ],
  'account rules remove': ['ann@example.org newsletters', 'ann@example.org --vacation'],
  'mail list': ['ann@example.org', 'ann@example.org --folder Junk --json | jq -r .subject'],
  'mail show': ['ann@example.org', 'ann@example.org m1a2b3 >message.eml'],
  'mail delete': ['ann@example.org m1a2b3', 'ann@example.org --all'],
  'mail import': [
    'archive.mbox --address ann@example.org --folder Archive',
    '/home/ann/Maildir --address ann@example.org',
    'one.eml two.eml',
  ],
  'queue list': ['', '--state deferred --destination example.net', '--json | jq -r .id'],
  'queue count': ['', '--sender @example.org --since 1d'],
  'queue show': ['1a2b3c'],
  'queue retry': ['', '1a2b3c', '--destination example.net'],
  'queue hold': ['1a2b3c', '--recipient @example.net'],
  'queue release': ['1a2b3c', '--state held'],
  'queue cancel': ['1a2b3c', '--sender newsletter@example.org --until 3d --silent --dry-run'],
  'queue reroute': ['--recipient @example.net --to relay.example.com:25', '1a2b3c'],
  why: ['1a2b3c', 'bob@example.net', "'<1234@example.net>'"],
  send: [
    '--to bob@example.net --from ann@example.org <message.eml',
    '--to bob@example.net --server smtp.example.org:587 --tls starttls --auth ann@example.org --dump',
  ],
  sendmail: ['-t <message.eml', '-f ann@example.org bob@example.net <message.eml'],
  top: ['', '--once --json'],
  log: ['--address ann@example.org', '--event deferred,bounced --json | jq .reply', '--level warn'],
  'report dmarc': ['', '--since 7d'],
  'report tls': ['', '--since 7d'],
  'report abuse': ['', '--since 30d --json'],
  'report send': ['ann@example.org m1a2b3 --type abuse'],
  'node list': ['', '--json | jq -r .name'],
  'node drain': ['mx1'],
  'node remove': ['mx1'],
  'dkim create': ['', 'example.org'],
  'dkim rotate': ['example.org', 'example.org --activate'],
  'dkim list': ['', 'example.org --json'],
  'dkim record': ['example.org'],
  'certificate list': ['', '--json'],
  'certificate revoke': ['mx.example.org --reason keyCompromise'],
  'admin add': ['ann', 'helpdesk --allow read'],
  'admin list': [''],
  'admin password': ['ann'],
  'admin allow': ['helpdesk read,queueRetry'],
  'admin remove': ['ann --yes'],
  'admin second-factor add': ['ann'],
  'admin second-factor remove': ['ann'],
  'admin passkey remove': ['ann laptop'],
  'admin audit': ['', '--limit 100 --json'],
  'device list': ['', 'ann@example.org'],
  'device block': ['ann@example.org ABCDEF123456'],
  'device unblock': ['ann@example.org ABCDEF123456'],
  'device remove': ['ann@example.org ABCDEF123456'],
  'device wipe': ['ann@example.org ABCDEF123456', 'ann@example.org ABCDEF123456 --cancel'],
  'token create': ['monitoring --allow read', 'deploy --allow queueRetry --days 30'],
  'token list': ['', '--json'],
  'token revoke': ['monitoring'],
  reload: [''],
  'store migrate': [
    '--to postgres.config.ts --dry-run',
    '--to postgres.config.ts --write',
    '--to postgres.config.ts --verify',
  ],
  backup: ['/var/backups/postrider'],
  restore: ['/var/backups/postrider'],
  verify: ['', '/var/backups/postrider', '--repair'],
  completion: [
    'bash >/etc/bash_completion.d/postrider',
    `zsh >"\${fpath[1]}/_postrider"`,
    'fish >~/.config/fish/completions/postrider.fish',
  ],
};

/** Lines as they are typed. */
export const examplesOf = (path: string): readonly string[] =>
  (examples[path] ?? []).map((line) =>
    line.startsWith('$ ') ? line.slice(2) : `postrider ${path} ${line}`.trimEnd(),
  );

/** To the help of each command of it that is one by itself. */
export function addExamples(command: Command, path = ''): void {
  for (const child of command.commands) addExamples(child, `${path} ${child.name()}`.trimStart());
  const lines = examplesOf(path);
  if (lines.length === 0) return;
  const title = lines.length === 1 ? 'Example:' : 'Examples:';
  command.addHelpText('after', ['', title, ...lines.map((line) => `  ${line}`)].join('\n'));
}
