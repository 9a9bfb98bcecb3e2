// `postrider report …`: what others have reported of our domains, whether the server runs or not; and one of ours, about
// a message of theirs, by the server that runs.

import { Command, Option } from 'commander';
import type { AbuseType } from '../report/abuse-report.ts';
import { abuseTypes } from '../report/abuse-report.ts';
import type { ReportKind, ReportSummary } from '../report/summary.ts';
import type { Context } from './context.ts';
import { printLines } from './context.ts';
import { abuseTable, dmarcTables, tlsTables } from './report-tables.ts';
import type { CommonOptions } from './settings.ts';
import { withCommonOptions } from './settings.ts';
import { since } from './since.ts';
import { terminalWidth } from './table.ts';
import { withOperations } from './with-operations.ts';

interface Options extends CommonOptions {
  /** Milliseconds since 1970. */
  readonly since?: number;
}

const kinds = [
  ['dmarc', 'who sends as our domains, and whether DKIM and SPF pass (RFC 9990)'],
  ['tls', 'how TLS to our hosts went for other servers (RFC 8460)'],
  ['abuse', 'what was said of single messages: abuse, failures of authentication (RFC 5965)'],
] as const;

export function reportCommand(context: Context): Command {
  const command = new Command('report').description(
    'what others have reported of our domains, and complaints of ours',
  );
  for (const [kind, about] of kinds)
    command.addCommand(
      withCommonOptions(new Command(kind))
        .description(about)
        .option(
          '--since <time>',
          "received since: '2d' ago, or a date like 2026-01-31; default: 7d",
          since,
        )
        .action((options: Options) => show(context, kind, options)),
    );
  return command.addCommand(send(context));
}

interface SendOptions extends CommonOptions {
  readonly type: AbuseType;
  readonly to?: string;
  readonly headerOnly?: boolean;
}

const send = (context: Context) =>
  withCommonOptions(new Command('send'))
    .description(
      'complain of a message: an abuse report (RFC 5965), with the message, to abuse@ the domain that DKIM or SPF proves to have sent it',
    )
    .argument('<address>', 'whose mailbox it lies in')
    .argument('<id>', 'as `mail list` shows it, or its Message-ID')
    .addOption(new Option('--type <type>', 'what it is').choices([...abuseTypes]).default('abuse'))
    .option('--to <address>', 'whom to tell instead')
    .option('--header-only', 'the message itself does not go along')
    .action(async (address: string, id: string, options: SendOptions) => {
      const { type, to, headerOnly = false, json } = options;
      await withOperations(context, options, async (operations) => {
        const asked = { address, id, type, headerOnly, ...(to !== undefined && { to }) };
        const sent = await operations.reportAbuse(asked);
        if (json === true) return context.print(`${JSON.stringify(sent)}\n`);
        return context.print(
          `reported to ${sent.to}; \`postrider why ${sent.messageId}\` says what becomes of it\n`,
        );
      });
    });

async function show(context: Context, kind: ReportKind, options: Options): Promise<void> {
  const { since: from = since('7d'), json } = options;
  await withOperations(context, options, async (operations) => {
    const found = operations.reportList({ kind, since: from });
    if (json === true) return void (await printLines(context, found, true, String));
    const reports = await Array.fromAsync(found);
    if (reports.length === 0) return context.note(`no ${kind} reports since ${dayOf(from)}`);
    return context.print(`${textOf(kind, reports)}\n`);
  });
}

function textOf(kind: ReportKind, all: readonly ReportSummary[]): string {
  const columns = terminalWidth();
  if (kind === 'dmarc') return dmarcTables(ofKind(all, 'dmarc'), columns);
  if (kind === 'tls') return tlsTables(ofKind(all, 'tls'), columns);
  return abuseTable(ofKind(all, 'abuse'), columns);
}

const ofKind = <K extends ReportKind>(all: readonly ReportSummary[], kind: K) =>
  all.filter((one): one is Extract<ReportSummary, { kind: K }> => one.kind === kind);

const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
