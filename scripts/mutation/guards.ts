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
  guard('queue/recorder.ts', 'queue/recorder.test.ts', 'queue/runner.test.ts'),
  guard('queue/runner.ts', 'queue/runner.test.ts', 'test/simulation/queue.sim.test.ts'),
  guard('queue/claims.ts', 'queue/runner.test.ts', 'test/simulation/queue.sim.test.ts'),
  guard('queue/reporting.ts', 'queue/runner.test.ts', 'queue/bounce.test.ts'),
  guard(
    'queue/outcomes.ts',
    'queue/outcomes.test.ts',
    'queue/runner.test.ts',
    'queue/bounce.test.ts',
  ),
  // Authority: who may do what.
  guard('policy/accounts/login-throttle.ts', 'policy/accounts/login-throttle.test.ts'),
  guard('policy/accounts/login.ts', 'policy/accounts/login.test.ts'),
  guard('policy/accounts/authenticator.ts', 'policy/accounts/authenticator.test.ts'),
  guard('policy/senders/sender-owner.ts', 'policy/senders/sender-owner.test.ts'),
  guard('policy/addresses/address-map.ts', 'policy/addresses/address-map.test.ts'),
  guard(
    'policy/addresses/domain-patterns.ts',
    'policy/addresses/domain-patterns.test.ts',
    'policy/addresses/address-map.test.ts',
  ),
  guard('policy/answers.ts', 'policy/answers.test.ts', 'receive/reservations.test.ts'),
  guard('policy/senders/forged-results.ts', 'test/scenarios/policies.test.ts'),
  guard('mail/authentication-results.ts', 'mail/authentication-results.test.ts'),
  guard('receive/head-changes.ts', 'receive/head-changes.test.ts'),
  guard('sasl/server.ts', 'sasl/server.test.ts'),
  guard('sasl/scram.ts', 'sasl/scram.test.ts', 'sasl/server.test.ts'),
  guard('trust/signature.ts', 'trust/signature.test.ts', 'trust/dkim.test.ts', 'trust/arc.test.ts'),
  guard('trust/dkim.ts', 'trust/dkim.test.ts'),
  guard('trust/dkim-key.ts', 'trust/dkim.test.ts'),
  guard('trust/spf.ts', 'trust/spf-rules.test.ts', 'trust/spf.test.ts'),
  guard('trust/dmarc.ts', 'trust/dmarc.test.ts'),
  guard('policy/senders/sender-authentication.ts', 'policy/senders/sender-authentication.test.ts'),
  guard(
    'deliver/relay/security/security.ts',
    'deliver/relay/hosts.test.ts',
    'deliver/relay/security/security.test.ts',
  ),
  guard('net/tls.ts', 'net/tls.test.ts', 'net/dialer.test.ts'),
  guard('net/dialer.ts', 'net/dialer.test.ts'),
  guard('net/tlsa.ts', 'net/tlsa.test.ts', 'net/dialer.test.ts'),
  guard('net/network.ts', 'net/network.test.ts'),
  guard('net/privileges.ts', 'net/privileges.test.ts'),
  guard('access/imap/acl.ts', 'access/imap/acl.test.ts', 'access/imap/imap-service.test.ts'),
  guard('smtp/server/session.ts', 'smtp/server/session.test.ts', 'receive/reception.test.ts'),
  guard('smtp/server/phases.ts', 'smtp/server/session.test.ts'),
  guard('smtp/server/commands.ts', 'smtp/server/session.test.ts'),
  guard('smtp/server/availability.ts', 'smtp/server/session.test.ts'),
  guard('smtp/server/envelope-commands.ts', 'smtp/server/session.test.ts'),
  guard('smtp/server/login-phase.ts', 'smtp/server/session.test.ts'),
  guard('smtp/server/content-phase.ts', 'smtp/server/session.test.ts'),
  // Limits: what one client can cost.
  guard('policy/quota.ts', 'policy/quota.test.ts', 'receive/reception.test.ts'),
  guard('policy/connection-limits.ts', 'policy/connection-limits.test.ts'),
  guard('smtp/content.ts', 'smtp/content.test.ts'),
  guard('base/line-splitter.ts', 'smtp/server/session.test.ts', 'pop3/session.test.ts'),
  guard('receive/conversation.ts', 'receive/conversation.test.ts'),
  guard('receive/reception.ts', 'receive/reception.test.ts', 'receive/reservations.test.ts'),
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
];
