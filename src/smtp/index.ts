// `postrider/smtp`: the protocol for those who bring their own sockets. Machines without I/O for both
// roles, replies, commands, extensions and their parameters.

export type { Mailbox, ReversePath } from '../mail/fields/address.ts';
export { addressKey, domainKey, formatMailbox, parseMailbox } from '../mail/fields/address.ts';
export type { Capabilities } from './client/capabilities.ts';
export type { ClientEvent, Outgoing } from './client/event.ts';
export type { ClientSessionOptions } from './client/options.ts';
export { ClientSession } from './client/session.ts';
export type { Command } from './command.ts';
export { parseCommand } from './command.ts';
export type { Extension, Param, ParamRule } from './extensions/extension.ts';
export type {
  Hop,
  MailParam,
  RawParam,
  RcptParam,
  SessionFacts,
  Travel,
} from './extensions/index.ts';
export {
  extensions,
  findParam,
  formatMailParam,
  formatRcptParam,
  parseStoredMailParams,
  parseStoredRcptParams,
  relayMailParam,
  relayRcptParam,
} from './extensions/index.ts';
export type { SessionLimits } from './limits.ts';
export { defaultLimits } from './limits.ts';
export type { Detail, Reply } from './reply.ts';
export {
  enhancedStatus,
  formatReply,
  isPermanent,
  isPositive,
  isTransient,
  replies,
  reply,
} from './reply.ts';
export type { Question, ServerFacts, SessionEvent } from './server/event.ts';
export { isQuestion } from './server/event.ts';
export { ServerSession } from './server/session.ts';
export { replyFor, SmtpError } from './smtp-error.ts';
export type { TlsFacts } from './tls-facts.ts';
