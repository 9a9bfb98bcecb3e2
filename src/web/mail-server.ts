// A server that mail programs are told of when they set themselves up.

export interface MailServer {
  readonly kind: 'imap' | 'pop3' | 'smtp';
  readonly host: string;
  readonly port: number;
  readonly tls: 'implicit' | 'starttls';
}
