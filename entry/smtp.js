// Printed by `node scripts/print-entry.ts`; do not edit. Where it leads: src/ in a checkout, dist/ in
// the published package.
import { load } from './node-version.js';

export const {
  ClientSession,
  ServerSession,
  SmtpError,
  addressKey,
  defaultLimits,
  domainKey,
  enhancedStatus,
  extensions,
  findParam,
  formatMailParam,
  formatMailbox,
  formatRcptParam,
  formatReply,
  isPermanent,
  isPositive,
  isQuestion,
  isTransient,
  parseCommand,
  parseMailbox,
  parseStoredMailParams,
  parseStoredRcptParams,
  relayMailParam,
  relayRcptParam,
  replies,
  reply,
  replyFor,
} = load('#postrider/smtp/index');
