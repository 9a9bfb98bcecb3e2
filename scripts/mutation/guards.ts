// The files whose lines guard durability, authority and limits, and the tests that ought to die when
// one of these lines is broken. Paths are relative to src/, or to the project where they begin with test/.

export interface Guard {
  readonly file: string;
  /** Asked one after the other, cheapest first, until one fails. */
  readonly tests: readonly string[];
}

const guard = (file: string, ...tests: string[]): Guard => ({ file, tests });

export const guards: readonly Guard[] = [
  // Durability: what was answered with 250 is there.
  guard('store/files/spool.ts', 'store/files/spool.test.ts'),
  guard('store/files/spool-memory.ts', 'store/files/spool.test.ts'),
  guard('store/files/spool-directory.ts', 'store/files/spool.test.ts'),
  guard('store/files/file-writer.ts', 'store/files/spool.test.ts'),
  guard(
    'store/files/directory.ts',
    'store/files/directory.test.ts',
    'store/files/spool.test.ts',
    'store/files/history.test.ts',
  ),
  guard('deliver/local/maildir.ts', 'deliver/local/maildir.test.ts'),
  guard(
    'store/sqlite/journal/journal.ts',
    'store/sqlite/journal/journal.test.ts',
    'store/sqlite/journal/queue-store.test.ts',
  ),
  guard(
    'store/sqlite/journal/segments.ts',
    'store/sqlite/journal/journal.test.ts',
    'store/sqlite/journal/queue-store.test.ts',
  ),
  guard(
    'store/sqlite/journal/disk.ts',
    'store/sqlite/journal/disk.test.ts',
    'store/sqlite/journal/journal.test.ts',
  ),
  ...['frame', 'record'].map((name) =>
    guard(
      `store/sqlite/journal/${name}.ts`,
      'store/sqlite/journal/frame.test.ts',
      'store/sqlite/journal/journal.test.ts',
    ),
  ),
  guard(
    'store/sqlite/journal/live.ts',
    'store/sqlite/journal/live.test.ts',
    'store/sqlite/journal/queue-store.test.ts',
  ),
  guard('store/sqlite/journal/small-content.ts', 'store/sqlite/journal/queue-store.test.ts'),
  guard('store/sqlite/journal/recovery.ts', 'store/sqlite/journal/journal.test.ts'),
  guard('store/sqlite/journal/queue-store.ts', 'store/sqlite/journal/queue-store.test.ts'),
  guard(
    'store/sqlite/group-commit.ts',
    'store/sqlite/group-commit.test.ts',
    'store/sqlite/stores.test.ts',
  ),
  guard(
    'store/sqlite/queue/leases.ts',
    'store/sqlite/queue/leases.test.ts',
    'store/sqlite/queue/queue-store.test.ts',
  ),
  guard(
    'store/sqlite/directory-lock.ts',
    'store/sqlite/directory-lock.test.ts',
    'store/sqlite/stores.test.ts',
  ),
  guard('queue/outcomes/recorder.ts', 'queue/outcomes/recorder.test.ts', 'queue/runner.test.ts'),
  guard(
    'queue/runner.ts',
    'queue/submit.test.ts',
    'queue/stop.test.ts',
    'queue/runner.test.ts',
    'test/simulation/queue.sim.test.ts',
  ),
  ...['story/arrivals', 'outcomes/conclusions', 'line/lineup'].map((name) =>
    guard(
      `queue/${name}.ts`,
      'queue/line/lineup.test.ts',
      'queue/submit.test.ts',
      'queue/stop.test.ts',
      'queue/runner.test.ts',
      'queue/line/destination.test.ts',
    ),
  ),
  guard('queue/claims.ts', 'queue/runner.test.ts', 'test/simulation/queue.sim.test.ts'),
  guard('queue/outcomes/reporting.ts', 'queue/runner.test.ts', 'queue/reports/bounce.test.ts'),
  guard(
    'queue/outcomes/outcomes.ts',
    'queue/outcomes/outcomes.test.ts',
    'queue/runner.test.ts',
    'queue/reports/bounce.test.ts',
  ),
  // Authority: who may do what.
  guard('policy/accounts/login-throttle.ts', 'policy/accounts/login-throttle.test.ts'),
  guard('policy/accounts/login.ts', 'policy/accounts/login.test.ts'),
  guard('policy/accounts/authenticator.ts', 'policy/accounts/authenticator.test.ts'),
  guard('policy/accounts/account-changes.ts', 'policy/accounts/authenticator.test.ts'),
  guard(
    'policy/accounts/passwords.ts',
    'policy/accounts/passwords.test.ts',
    'policy/accounts/authenticator.test.ts',
  ),
  guard('policy/senders/sender-owner.ts', 'policy/senders/sender-owner.test.ts'),
  ...['address-map', 'expansion', 'known-domains'].map((name) =>
    guard(`policy/addresses/${name}.ts`, 'policy/addresses/address-map.test.ts'),
  ),
  guard('policy/accounts/api-tokens.ts', 'policy/accounts/api-tokens.test.ts'),
  guard('admin/control-server.ts', 'admin/control.test.ts'),
  guard('web/api.ts', 'web/api.test.ts'),
  guard('web/asking.ts', 'web/asking.test.ts', 'web/api.test.ts'),
  guard('web/json-body.ts', 'web/api.test.ts'),
  guard('web/session/session.ts', 'web/session/session.test.ts'),
  guard('web/encrypted-only.ts', 'web/web-app.test.ts'),
  guard('web/session/passkeys.ts', 'web/session/session.test.ts'),
  guard('web/session/single-sign-on.ts', 'web/session/single-sign-on.test.ts'),
  guard('web/own-part.ts', 'test/scenarios/own-part.test.ts'),
  guard('web/request-body.ts', 'web/request-body.test.ts'),
  guard('web/request-rate.ts', 'web/request-rate.test.ts'),
  guard('web/download.ts', 'web/mail-frame.test.ts'),
  guard('web/mail-frame.ts', 'web/mail-frame.test.ts'),
  guard('web/clean-frame.ts', 'web/clean-frame.test.ts'),
  guard('web/events.ts', 'web/events.test.ts'),
  guard('web/slow-body.ts', 'web/slow-body.test.ts'),
  ...['http-service', 'web-sockets'].map((name) =>
    guard(`web/${name}.ts`, 'web/http-service.test.ts', 'web/mailpit/events.test.ts'),
  ),
  ...['console-login', 'web-sessions', 'administrators', 'totp'].map((name) =>
    guard(
      `policy/administration/${name}.ts`,
      'policy/administration/totp.test.ts',
      'policy/administration/console-login.test.ts',
    ),
  ),
  guard('policy/administration/audit-log.ts', 'policy/administration/audit-log.test.ts'),
  ...['operations', 'operation', 'tokens', 'administrators', 'sessions', 'audited'].map((name) =>
    guard(
      `admin/${name}.ts`,
      'admin/operations.test.ts',
      'admin/audited.test.ts',
      'admin/control.test.ts',
      'test/scenarios/console-login.test.ts',
    ),
  ),
  ...['account', 'mail', 'sending', 'operations', 'operation'].map((name) =>
    guard(
      `admin/own/own-${name}.ts`,
      'admin/own/own-operations.test.ts',
      'test/scenarios/own-part.test.ts',
    ),
  ),
  ...['own-part', 'web-login', 'basic-login'].map((name) =>
    guard(
      `compose/${name}.ts`,
      'compose/web-login.test.ts',
      'test/scenarios/own-part.test.ts',
      'test/scenarios/console-login.test.ts',
    ),
  ),
  guard('net/public-address.ts', 'net/public-address.test.ts'),
  guard('net/http-request.ts', 'net/http-request.test.ts'),
  ...['payload', 'signature'].map((name) =>
    guard(`watch/webhooks/${name}.ts`, 'watch/webhooks/payload.test.ts'),
  ),
  ...['outbox', 'post', 'line', 'webhooks'].map((name) =>
    guard(`watch/webhooks/${name}.ts`, 'watch/webhooks/webhooks.test.ts'),
  ),
  guard('policy/abuse/account-holds.ts', 'policy/abuse/account-holds.test.ts'),
  guard('policy/abuse/account-limits.ts', 'policy/abuse/account-limits.test.ts'),
  guard('policy/addresses/forwarded.ts', 'policy/addresses/forwarded.test.ts'),
  guard('policy/addresses/recipient-detail.ts', 'policy/addresses/recipient-detail.test.ts'),
  guard('policy/addresses/return-addresses.ts', 'policy/addresses/return-addresses.test.ts'),
  guard(
    'policy/addresses/domain-patterns.ts',
    'policy/addresses/domain-patterns.test.ts',
    'policy/addresses/address-map.test.ts',
  ),
  guard('policy/answers.ts', 'policy/answers.test.ts', 'receive/reservations.test.ts'),
  guard('policy/senders/forged-results.ts', 'test/scenarios/policies.test.ts'),
  guard('mail/trace/authentication-results.ts', 'mail/trace/authentication-results.test.ts'),
  guard('receive/head-changes.ts', 'receive/head-changes.test.ts'),
  guard('sasl/server.ts', 'sasl/server.test.ts'),
  guard('sasl/scram.ts', 'sasl/scram.test.ts', 'sasl/server.test.ts'),
  guard('trust/signature.ts', 'trust/signature.test.ts', 'trust/dkim.test.ts', 'trust/arc.test.ts'),
  guard('trust/dkim.ts', 'trust/dkim.test.ts'),
  guard('trust/dkim-key.ts', 'trust/dkim.test.ts'),
  guard('trust/spf.ts', 'trust/spf-rules.test.ts', 'trust/spf.test.ts'),
  guard('trust/dmarc.ts', 'trust/dmarc.test.ts'),
  guard('trust/arc.ts', 'trust/arc-chain.test.ts', 'trust/arc.test.ts'),
  guard('trust/srs.ts', 'trust/srs.test.ts'),
  guard('trust/batv.ts', 'trust/batv.test.ts'),
  guard('trust/mta-sts.ts', 'trust/mta-sts.test.ts'),
  guard('policy/senders/sender-authentication.ts', 'policy/senders/sender-authentication.test.ts'),
  guard(
    'deliver/relay/security/security.ts',
    'deliver/relay/hosts.test.ts',
    'deliver/relay/security/security.test.ts',
  ),
  guard('dns/dane.ts', 'deliver/relay/hosts.test.ts'),
  guard('deliver/relay/security/dane.ts', 'deliver/relay/security/dane.test.ts'),
  guard('deliver/relay/security/require-tls.ts', 'deliver/relay/security/require-tls.test.ts'),
  guard('deliver/relay/security/sts.ts', 'deliver/relay/security/sts.test.ts'),
  guard('deliver/relay/security/sts-policies.ts', 'deliver/relay/security/sts-policies.test.ts'),
  guard('net/tls.ts', 'net/tls.test.ts', 'net/dialer.test.ts'),
  guard('net/dialer.ts', 'net/dialer.test.ts'),
  guard('net/tlsa.ts', 'net/tlsa.test.ts', 'net/dialer.test.ts'),
  guard('net/network.ts', 'net/network.test.ts'),
  guard('net/privileges.ts', 'net/privileges.test.ts'),
  guard('access/imap/acl.ts', 'access/imap/acl.test.ts', 'access/imap/imap-service.test.ts'),
  guard(
    'smtp/server/session.ts',
    'smtp/server/session.test.ts',
    'smtp/server/burl.test.ts',
    'smtp/server/atrn.test.ts',
    'receive/reception.test.ts',
  ),
  guard('smtp/server/phases.ts', 'smtp/server/session.test.ts'),
  guard('smtp/server/commands.ts', 'smtp/server/session.test.ts', 'smtp/server/atrn.test.ts'),
  guard('smtp/server/availability.ts', 'smtp/server/session.test.ts'),
  guard('smtp/server/envelope-commands.ts', 'smtp/server/session.test.ts'),
  guard('smtp/server/login-phase.ts', 'smtp/server/session.test.ts'),
  guard('smtp/server/content-phase.ts', 'smtp/server/session.test.ts', 'smtp/server/burl.test.ts'),
  ...['core', 'transaction', 'greeting', 'refusals', 'command-line'].map((name) =>
    guard(
      `smtp/server/${name}.ts`,
      'smtp/server/session.test.ts',
      'smtp/server/burl.test.ts',
      'receive/reception.test.ts',
    ),
  ),
  // Limits: what one client can cost.
  guard('policy/quota.ts', 'policy/quota.test.ts', 'receive/reception.test.ts'),
  guard('base/token-buckets.ts', 'base/token-buckets.test.ts'),
  guard('policy/abuse/rate-limits.ts', 'policy/abuse/rate-limits.test.ts'),
  guard('policy/abuse/harvest.ts', 'policy/abuse/harvest.test.ts'),
  guard('policy/abuse/untagged-notification.ts', 'policy/abuse/untagged-notification.test.ts'),
  guard('policy/connection-limits.ts', 'policy/connection-limits.test.ts'),
  guard('smtp/content.ts', 'smtp/content.test.ts'),
  guard('base/line-splitter.ts', 'smtp/server/session.test.ts', 'pop3/session.test.ts'),
  guard('receive/conversation.ts', 'receive/conversation.test.ts'),
  guard(
    'receive/reception.ts',
    'receive/reception-questions.test.ts',
    'receive/reception.test.ts',
    'receive/reservations.test.ts',
  ),
  ...['client-judgement', 'incoming-content', 'verification', 'beside-mail', 'refusal-notes'].map(
    (name) =>
      guard(
        `receive/${name}.ts`,
        'receive/reception-questions.test.ts',
        'receive/reception.test.ts',
        'receive/reservations.test.ts',
      ),
  ),
  guard('receive/present-client.ts', 'receive/present-client.test.ts'),
  guard(
    'receive/complete-message.ts',
    'receive/filtering.test.ts',
    'receive/reception.test.ts',
    'receive/reservations.test.ts',
  ),
  guard('receive/filtering.ts', 'receive/filtering.test.ts'),
  guard('receive/taking.ts', 'receive/taking.test.ts', 'receive/reception.test.ts'),
  guard(
    'receive/take-message.ts',
    'receive/take-message.test.ts',
    'receive/filtering.test.ts',
    'receive/reception.test.ts',
    'receive/reservations.test.ts',
  ),
  guard('net/listener.ts', 'net/listener.test.ts'),
  guard(
    'net/socket-peer.ts',
    'net/socket-peer-rules.test.ts',
    'net/socket-peer.test.ts',
    'net/listener.test.ts',
    'net/dialer.test.ts',
  ),
  guard('imap/scanner.ts', 'imap/parser.test.ts', 'imap/session/session.test.ts'),
  // Reading mail: who may before login and in folders of others, what a client can cost, what is kept.
  ...[
    ...[
      'session',
      'core',
      'command-phase',
      'command-rules',
      'login-phase',
      'commands',
      'idle-phase',
    ],
    ...['append-phase', 'append-flow', 'input', 'literals', 'command-reader', 'output'],
  ].map((name) =>
    guard(
      `imap/session/${name}.ts`,
      'imap/session/session.test.ts',
      'imap/session/input.test.ts',
      'imap/session/session.fuzz.test.ts',
      'access/imap/imap-service.test.ts',
      'access/imap/append.test.ts',
    ),
  ),
  ...[
    ...['append-grammar', 'search-grammar', 'mailbox-grammar', 'url-grammar', 'date-grammar'],
    ...['fetch-grammar', 'list-grammar', 'notify-grammar', 'parser'],
  ].map((name) =>
    guard(
      `imap/${name}.ts`,
      'imap/parser.test.ts',
      'imap/session/session.test.ts',
      'access/imap/commands/search.test.ts',
      'access/imap/commands/urlauth.test.ts',
      'access/imap/append.test.ts',
    ),
  ),
  guard('imap/section.ts', 'imap/section.test.ts', 'access/imap/commands/fetch.test.ts'),
  guard(
    'access/imap/names.ts',
    'access/imap/names.test.ts',
    'access/imap/commands/folders.test.ts',
  ),
  ...['url-content', 'url-keys', 'authorized-url', 'imap-url', 'url-authority'].map((name) =>
    guard(
      `access/imap/urls/${name}.ts`,
      'access/imap/urls/imap-url.test.ts',
      'access/imap/commands/urlauth.test.ts',
      'access/submitted-urls.test.ts',
      'access/imap/append.test.ts',
    ),
  ),
  guard('access/submitted-urls.ts', 'access/submitted-urls.test.ts'),
  ...['imap-conversation', 'imap-access', 'completion', 'selection', 'storing'].map((name) =>
    guard(
      `access/imap/${name}.ts`,
      'access/imap/imap-service.test.ts',
      'access/imap/append.test.ts',
      'access/imap/updates.test.ts',
      'access/imap/commands/select.test.ts',
      'access/imap/commands/folders.test.ts',
      'access/imap/commands/store.test.ts',
    ),
  ),
  guard(
    'access/imap/append.ts',
    'access/imap/append.test.ts',
    'access/imap/imap-service.test.ts',
    'access/sorting.test.ts',
  ),
  ...['own-change', 'updates', 'selected-mailbox', 'flag-change'].map((name) =>
    guard(
      `access/imap/${name}.ts`,
      'access/imap/updates.test.ts',
      'access/imap/commands/select.test.ts',
      'access/imap/commands/store.test.ts',
      'access/imap/commands/fetch.test.ts',
      'access/imap/recent.test.ts',
    ),
  ),
  guard(
    'access/imap/number-set.ts',
    'access/imap/commands/search.test.ts',
    'access/imap/commands/qresync.test.ts',
    'access/imap/commands/fetch.test.ts',
    'access/imap/updates.test.ts',
    'access/imap/commands/store.test.ts',
  ),
  guard('access/imap/list-pattern.ts', 'access/imap/list-pattern.test.ts'),
  guard('access/imap/imap-service.ts', 'access/imap/imap-service.test.ts'),
  ...['search-keys', 'commands/search', 'commands/search-result'].map((name) =>
    guard(
      `access/imap/${name}.ts`,
      'access/imap/commands/search.test.ts',
      'access/imap/recent.test.ts',
      'access/imap/imap-service.test.ts',
    ),
  ),
  ...['folder-watch', 'commands/notify'].map((name) =>
    guard(
      `access/imap/${name}.ts`,
      'access/imap/updates.test.ts',
      'access/imap/folder-watch.test.ts',
    ),
  ),
  guard(
    'access/imap/commands/fetch.ts',
    'access/imap/commands/fetch.test.ts',
    'access/imap/imap-service.test.ts',
  ),
  guard('access/imap/deflate-peer.ts', 'access/imap/deflate-peer.test.ts'),
  ...['copy', 'store', 'close'].map((name) =>
    guard(
      `access/imap/commands/${name}.ts`,
      'access/imap/commands/store.test.ts',
      'access/imap/commands/close.test.ts',
      'access/imap/updates.test.ts',
      'access/sorting.test.ts',
      'access/imap/commands/folders.test.ts',
    ),
  ),
  ...['select', 'qresync'].map((name) =>
    guard(
      `access/imap/commands/${name}.ts`,
      'access/imap/commands/select.test.ts',
      'access/imap/commands/qresync.test.ts',
      'access/imap/updates.test.ts',
      'access/imap/commands/fetch.test.ts',
    ),
  ),
  ...['session', 'window'].map((name) =>
    guard(
      `access/imap/commands/${name}.ts`,
      'access/imap/commands/search.test.ts',
      'access/imap/commands/select.test.ts',
      'access/imap/commands/fetch.test.ts',
      'access/imap/imap-service.test.ts',
    ),
  ),
  ...['acl', 'metadata', 'quota', 'folders', 'status', 'list'].map((name) =>
    guard(
      `access/imap/commands/${name}.ts`,
      'access/imap/commands/folders.test.ts',
      'access/imap/commands/quota.test.ts',
      'access/imap/commands/rights.test.ts',
      'access/imap/commands/close.test.ts',
      'access/imap/updates.test.ts',
      'access/imap/recent.test.ts',
    ),
  ),
  guard('access/imap/commands/urlauth.ts', 'access/imap/commands/urlauth.test.ts'),
  ...['session', 'core', 'login-phase', 'message-phase', 'commands', 'command', 'maildrop'].map(
    (name) => guard(`pop3/${name}.ts`, 'pop3/session.test.ts', 'access/pop3/pop3-service.test.ts'),
  ),
  ...['maildrops', 'pop3-access', 'pop3-conversation', 'read-ahead'].map((name) =>
    guard(
      `access/pop3/${name}.ts`,
      'access/pop3/pop3-service.test.ts',
      'access/pop3/read-ahead.test.ts',
    ),
  ),
  guard('activesync/wbxml/decoder.ts', 'activesync/wbxml/wbxml.test.ts'),
  guard('activesync/request-line.ts', 'activesync/request-line.test.ts'),
  ...['activesync-access', 'device-book'].map((name) =>
    guard(
      `access/activesync/${name}.ts`,
      'test/activesync/commands.test.ts',
      'test/activesync/trouble.test.ts',
      'test/activesync/life.test.ts',
    ),
  ),
];
