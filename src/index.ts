// The library: `import { … } from 'postrider'`. docs/library.md tells how; entry/index.js names what is
// exported here once more.

export type { InputErrorCode } from './base/input-error.ts';
export { InputError } from './base/input-error.ts';
export type { Log } from './base/log.ts';
export { silentLog } from './base/log.ts';
export type { RunningServer } from './compose/running-server.ts';
export type { ServerOptions } from './compose/server.ts';
export { startServer } from './compose/server.ts';
export type { Config, ConfigInput } from './config/config.ts';
export { defineConfig } from './config/config.ts';
export { ConfigError, parseConfig } from './config/parse-config.ts';
export type { TokenVerifier } from './config/settings/clients.ts';
export type { HopFailureKind } from './deliver/relay/hop-failure.ts';
export { HopFailure } from './deliver/relay/hop-failure.ts';
export type { RouteTls } from './deliver/relay/relay-route.ts';
export type { SendMailResult } from './deliver/send-mail/send-mail.ts';
export { SendMailError, sendMail } from './deliver/send-mail/send-mail.ts';
export type { SendMailOptions, SendMailRecipient } from './deliver/send-mail/send-mail-options.ts';
export type {
  AuthResult,
  LoginFacts,
  SmtpServerLimits,
  SmtpServerOptions,
  Verdict,
} from './embed/options.ts';
export type { ReceivedMessage } from './embed/received-message.ts';
export { SmtpServer } from './embed/smtp-server.ts';
export type { Mailbox } from './mail/fields/address.ts';
export { formatMailbox, parseMailbox } from './mail/fields/address.ts';
export type {
  HeaderLine,
  MessageAddress,
  MessageHeader,
  MessagePart,
  ParsedMessage,
} from './mail/parsed-message.ts';
export { parseMessage } from './mail/parsed-message.ts';
export { DialError } from './net/dialer.ts';
export { ListenError } from './net/listener.ts';
export type { Endpoint } from './net/peer.ts';
export type { CertificateSource, PemSource, TlsSource } from './net/tls.ts';
export { TlsError } from './net/tls.ts';
export type { AcceptedRecipient, ClientFacts, Envelope } from './policy/envelope.ts';
export type { HookContext, HookMessage, Hooks } from './policy/hooks.ts';
export type { Reply } from './smtp/reply.ts';
export { reply } from './smtp/reply.ts';
export type { TlsFacts } from './smtp/tls-facts.ts';
