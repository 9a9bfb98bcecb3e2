// Printed by `node scripts/print-entry.ts`; do not edit. Where it leads: src/ in a checkout, dist/ in
// the published package.
import { load } from './node-version.js';

export const {
  ConfigError,
  DialError,
  HopFailure,
  InputError,
  ListenError,
  SendMailError,
  SmtpServer,
  TlsError,
  defineConfig,
  formatMailbox,
  parseConfig,
  parseMailbox,
  parseMessage,
  reply,
  sendMail,
  silentLog,
  startServer,
} = load('#postrider/index');
