// The library: `import { … } from 'postrider'`.

export type { Log } from './base/log.ts';
export { silentLog } from './base/log.ts';
export type { Config, ConfigInput, TokenVerifier } from './config/config.ts';
export { defineConfig } from './config/config.ts';
export type { SendMailOptions } from './deliver/send-mail.ts';
export { sendMail } from './deliver/send-mail.ts';
export type { ReceivedMessage, SmtpServerOptions, Verdict } from './embed/smtp-server.ts';
export { SmtpServer } from './embed/smtp-server.ts';
export type { Mailbox } from './mail/address.ts';
export { formatMailbox, parseMailbox } from './mail/address.ts';
export type { ClientFacts, Envelope } from './receive/reception.ts';
export type { RunningServer, ServerOptions } from './server.ts';
export { startServer } from './server.ts';
export type { Reply } from './smtp/reply.ts';
export { reply } from './smtp/reply.ts';
