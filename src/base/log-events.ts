// Every event that the log knows, by its name: names are stable, since alerts and searches are made of them. A new one
// is a line here; docs/events.md is printed from this table, and a test compares. What else a line has is in log.ts.

/** Who is concerned: what was done with a message, who came, the server itself, what it stands on. */
export type EventGroup =
  | 'messages'
  | 'clients'
  | 'other servers'
  | 'reports'
  | 'server'
  | 'storage';

const about = {
  messages: {
    received: 'A message was taken: it is safe from here on.',
    delivered: 'It is in a mailbox, or was handed to a local program, for one recipient.',
    relayed: 'The next host has taken it, for one recipient.',
    deferred: 'An attempt failed for now; `until` says when the next one is.',
    bounced: 'It failed for good, and its sender is told.',
    dropped: 'It failed for good, and nobody is told; `untold` says why.',
    'not tried': 'No attempt was made, since its host had just been found dead.',
    cancelled: 'An operator took it from the queue.',
    'address suppressed':
      'It does not exist: it gets nothing that is submitted here, until `until`.',
    'address not suppressed': 'The store failed.',
    rerouted: 'Recipients go another way since the configuration was changed.',
    'delivery broke off':
      'An attempt ended in an error that nobody foresaw; the message is deferred.',
    'delivery failed unforeseen': 'The same, for all of an attempt.',
    'maildir delivery failed': 'A Maildir cannot be written; the message is deferred.',
    'mail waits for a DKIM key':
      'A key that is to sign it cannot be read; the message is deferred.',
    'message not tracked': 'What MTRK asked to be remembered was not.',
    'an alias names addresses that lead nowhere': 'Some of an alias’s targets are nobody’s.',
    'an alias stands for too many recipients':
      'It was not followed; the message is refused for now.',
    'nobody is postmaster: add an alias or an account': 'Mail to postmaster has nowhere to go.',
    'queue started by ETRN': 'A client asked for what waits for its domain.',
    'queue not started': 'ETRN could not be heeded.',
    'mail fetched by ATRN': 'A client fetched what waits for its domains.',
    'mail not fetched': 'A client that fetches by ATRN broke off.',
    'nobody can log in': 'A server of the library asks for logins that it offers to nobody.',
    'a hook failed': 'A function of the configuration threw, or took too long: 451.',
    'a reservation failed': 'What a policy had set aside could not be settled.',
    'filter does not answer':
      'A milter, rspamd or clamd; the setting says what becomes of the mail.',
    'filter answers again': 'The end of it.',
    'the spam filter failed': 'A message was delivered without its verdict.',
    'junk learnt': 'A message moved to or from Junk taught the spam filter.',
    'junk not learnt': 'It did not.',
    'filter has not learnt': 'A message moved to or from Junk could not teach rspamd.',
    'old mail was not deleted': 'The catcher could not make room.',
    'news of caught mail were lost':
      'Who listens to the catcher was not told of something; lists show it.',
  },
  clients: {
    'client told': 'A proxy or filter said by XCLIENT who its client is.',
    refused: 'A client was told no: `stage`, `reply` and `reason` say what and why.',
    'refused for now': 'A client was told to try again, because something failed here.',
    'refusals left out': 'So many refusals of one client were not logged, under a flood.',
    'logged in': 'By whom, how and from where.',
    'login failed': 'By whom, how and from where; `user` is what was given.',
    client: 'What an IMAP client says of itself.',
    'mailbox not opened':
      'A POP3 login was good, but another session has the mailbox (`in-use`), or it came within `loginDelay` (`too-soon`).',
    'mailbox closed': 'The end of an IMAP or POP3 session, and what was done in it.',
    'mailbox failed': 'A POP3 session ended in an error that nobody foresaw.',
    'device added': 'A phone asked by Exchange ActiveSync for the first time.',
    'device refused':
      'A phone that is blocked, or does not take the policies, asked; `reason` says which.',
    'device asks in a loop':
      'A phone asks the same again and again: it is answered each two seconds; `count` says how often it had to wait.',
    'device could not send': 'A policy or a limit refused mail of a phone.',
    'sent mail not kept':
      'What a phone sent went out; its copy in Sent, or the mark of what it answers, failed.',
    'device is told to wipe': 'As an operator has asked for.',
    'device has wiped': 'A phone says that it has; it is blocked from here on.',
    'command failed': 'An IMAP command ended in an error that nobody foresaw: NO [SERVERBUG].',
    'unforeseen failure': 'A conversation met an error that nobody foresaw: 451.',
    'clean-up failed': 'The same, after the end of a conversation.',
    'connection lost': 'A client went away without a word.',
    'TLS handshake failed': 'With a client.',
    'PROXY header refused': 'Who comes through a proxy’s port did not say for whom.',
    'silent proxy': 'A proxy connected and said nothing.',
    'request failed': 'An HTTP request ended in an error that nobody foresaw: 500.',
    'url not redeemed': 'BURL or URLFETCH named what cannot be had.',
    'account held': 'Its sending is stopped, for it sent more than it may.',
    'nobody was told that an account is held': 'The notice could not be queued.',
    'identity provider': 'It does not answer; nobody can log in by it.',
    'onClose failed': 'A function of whoever embeds the server threw.',
  },
  'other servers': {
    'TLS failed, going on without': 'An opportunistic handshake with a next host failed.',
    'login at the next host failed': 'A smarthost does not take our name and password.',
    'next host failed': 'One of several; the next is tried.',
    'dns failure': 'A question was not answered.',
    'a list in the DNS is left alone': 'A DNSBL does not answer, or answers as closed ones do.',
    'MTA-STS policy not fetched anew': 'The one we have goes on until it expires.',
    'MTA-STS policies not fetched anew': 'None of those that are due.',
    'MTA-STS policy not kept': 'It could not be stored.',
    'no MTA-STS policy': 'A domain says that it has one, and it cannot be had.',
    'fetch failed': 'Of an MTA-STS policy, in an error that nobody foresaw.',
    'relay-stopped': 'The thread that speaks to other servers ended, and is started anew.',
  },
  reports: {
    'report sent': 'To the domain that asked for it.',
    'report waits': 'It is tried again later.',
    'report given up': 'It was tried often enough.',
    'report not sent': 'It is not wanted, or there is nobody to take it.',
    'report failed': 'It could not be made; a bounce or notice is made later.',
    'report received': 'Somebody reported about one of our domains.',
    'report not read': 'What came to a reports’ address is none, or is damaged.',
    'counts for reports not kept': 'They are written with the next ones.',
    'not counted for reports': 'A verdict is missing in a DMARC report.',
  },
  server: {
    'configuration read again': 'After SIGHUP or `postrider reload`.',
    'configuration not changed': 'It has problems; the one before stays in force.',
    'configuration is doubtful': 'It works, and is hardly meant.',
    'needs a restart': 'Settings were changed that hold from the next start on.',
    stopping: 'No new connections; what is under way is finished.',
    'stopping at once': 'A second signal came.',
    stopped: 'Nothing is under way.',
    crashed: 'The process ends, and the service manager starts it anew; no mail is lost.',
    'log lines dropped':
      'Nobody read them for long, or they could not be written; `lines` says how many.',
    'service manager not told': 'Systemd does not hear that we are ready.',
    'DKIM keys taken': 'Made or changed at another node; this one signs by them within a minute.',
    'DKIM keys not shared': 'Those of this node and of the others may differ; it is tried again.',
    'certificate obtained': 'From the authority (ACME).',
    'certificate revoked': 'By its authority, as an operator asked; another one is obtained.',
    'certificate not obtained': 'It is tried again; the one we have stays.',
    'certificates not read':
      'What another node has obtained, or shows to authorities; it is looked at again.',
    'certificate is doubtful': 'It ends soon, or is for another name.',
    'self-signed until there is a certificate': 'The authority has not given one yet.',
    'no advice on renewal': 'The authority does not say when (ARI).',
    'control socket made anew': 'Its file was gone.',
    'control socket lost': 'It could not be made anew: commands do not reach the server.',
    'control connection lost': 'A command went away.',
    'control request failed': 'A command met an error that nobody foresaw.',
    'webhook does not answer':
      'Several requests failed in a row: it is asked now and then until it answers.',
    'webhook answers again': 'The end of it.',
    'webhook events given up':
      'A webhook was not told of them, and will not be; `reason` says why.',
    'webhook events not kept': 'The store failed: a webhook may not be told of them.',
    'audit log': 'Who changed something could not be recorded.',
  },
  storage: {
    'queue store fails': 'What is delivered cannot be recorded; it is tried until it can.',
    'queue store works again': 'The end of it.',
    'outcome not recorded': 'A crash now would deliver this once more.',
    'lease lost': 'An attempt took so long that another may have been made.',
    'leases not given back': 'Messages wait until their leases end.',
    'store-refuses': 'The disk is full, or read-only: clients hear 452 or 451.',
    'store-accepts-again': 'The end of it.',
    'store-failed': 'The database failed; the process ends.',
    'store-damaged': 'The database is damaged: `postrider verify` says what can be done.',
    'store-stopped': 'The store’s thread ended; the process ends.',
    'store-removed': 'The data directory is gone; the process ends.',
    'store-recovered': 'What was found after a crash: leases taken back, leftovers removed.',
    'reader-stopped': 'The thread that reads mailboxes ended, and is started anew.',
    'content-damaged': 'A message’s content is missing or damaged: `postrider verify`.',
    'database does not answer':
      'PostgreSQL is away, full or read-only: clients hear 451 or 452, the queue waits.',
    'database works again': 'The end of it.',
    'a transaction holds the database back':
      'Somebody keeps a transaction open for minutes: dead rows stay, and the queue slows down.',
    'clock differs from the database':
      'Leases and retries of this node are wrong by as much: set its clock (NTP), then start it again.',
    'database not swept': 'What processes left behind stays for now.',
    'node is dead':
      'A node has not been heard for too long: what it had claimed goes out from others.',
    'node does not answer':
      'Somebody here looks at what happens at all nodes, and that one does not say what happens there.',
    'node was taken for dead':
      'This node could not reach the database for too long; what it had claimed is not its own any more.',
    'node replaced':
      'Another process goes on under this node’s name, it was removed, or a newer version has changed the tables beyond what it knows; it ends.',
    'journal-failed': 'The queue’s journal cannot be written; messages go to the database.',
    'journal-has-no-room': 'The same, for want of room.',
    'journal-recovered': 'Messages that the journal had when the process ended.',
    'lock-lost': 'Another process took the data directory; this one ends.',
    'lock-renewed': 'The lock’s file was gone, and was made anew.',
    'history not written': 'Mail goes on; `why` will know less.',
    'history lost': 'Events that could not be written.',
    'statistics not read': 'What was counted before the start is not shown.',
    'statistics not kept': 'A restart now would lose some of what was counted.',
    'history begun anew': 'Its folder was gone.',
    'history not shared': 'Other nodes do not know of it yet; it is tried again.',
    'history not searched': 'The index of the history cannot be used; it is made anew.',
  },
} as const satisfies Record<EventGroup, Record<string, string>>;

type Named<Group> = Group extends EventGroup ? keyof (typeof about)[Group] : never;
export type LogEvent = Named<EventGroup>;

export interface EventFacts {
  readonly name: LogEvent;
  readonly group: EventGroup;
  readonly about: string;
}

export const logEvents: readonly EventFacts[] = Object.entries(about).flatMap(([group, events]) =>
  Object.entries(events).map(([name, sentence]) => ({
    ...{ name: name as LogEvent, group: group as EventGroup },
    about: sentence,
  })),
);
