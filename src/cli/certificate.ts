// `postrider certificate …`: the certificates that an authority gave us. Those in files are the operator's own business.

import { X509Certificate } from 'node:crypto';
import { Command } from 'commander';
import type { CertificateState } from '../acme/kept.ts';
import type { RevocationReason } from '../acme/revocation.ts';
import { revocationReasons } from '../acme/revocation.ts';
import type { Context } from './context.ts';
import { CliError, printable, printLines } from './context.ts';
import type { CommonOptions } from './settings.ts';
import { withCommonOptions } from './settings.ts';
import { withOperations } from './with-operations.ts';

export function certificateCommand(context: Context): Command {
  const command = new Command('certificate').description('certificates from an authority (ACME)');
  for (const part of [list, revoke]) command.addCommand(part(context));
  return command;
}

const list = (context: Context) =>
  withCommonOptions(new Command('list'))
    .description('the certificates there are, and what is in the way of one')
    .action(async (options: CommonOptions) => {
      await withOperations(context, options, async (o) => {
        const json = options.json === true;
        const count = await printLines(context, o.certificateList(), json, lineOf);
        if (count === 0 && !json) context.note('none: `tls.acme` names what to obtain');
      });
    });

function lineOf({ names, certificate, renewAt, failure }: CertificateState): string {
  const day = (at: number) => new Date(at).toISOString().slice(0, 10);
  const parts = [
    printable(names.join(', ')),
    certificate === null
      ? 'not there yet'
      : `until ${day(new X509Certificate(certificate).validToDate.getTime())}`,
    ...(renewAt === null ? [] : [`renewed from ${day(renewAt)} on`]),
    ...(failure === null ? [] : [printable(failure.reason)]),
  ];
  return parts.join('; ');
}

interface RevokeOptions extends CommonOptions {
  readonly reason: string;
}

const revoke = (context: Context) =>
  withCommonOptions(new Command('revoke'))
    .description('tell the authority that a certificate is not to be believed, and obtain another')
    .argument('<name>', 'one of its names')
    .option('--reason <reason>', revocationReasons.join(', '), 'unspecified')
    .action(async (name: string, { reason, ...options }: RevokeOptions) => {
      const known = (revocationReasons as readonly string[]).includes(reason);
      if (!known) throw new CliError(2, `--reason is one of ${revocationReasons.join(', ')}`);
      await withOperations(context, options, async (o) => {
        const { names } = await o.certificateRevoke({ name, reason: reason as RevocationReason });
        await context.print(
          options.json === true
            ? `${JSON.stringify({ revoked: names })}\n`
            : `${names.map(printable).join(', ')}: revoked; another one is obtained now\n`,
        );
        if (reason === 'keyCompromise')
          context.note('with another key: publish its TLSA record (`postrider check --dns`)');
      });
    });
