# A mail filter made with python3-milter (libmilter) that does what the field X-Do of a message says.
import sys

import Milter


class EveryAction(Milter.Base):
    def envfrom(self, sender, *params):
        self.wanted = []
        self.rcpts = []
        return Milter.CONTINUE

    def envrcpt(self, to, *params):
        if to.startswith('<refused@'):
            return Milter.REJECT
        self.rcpts.append(to)
        return Milter.CONTINUE

    def header(self, name, value):
        if name.lower() == 'x-do':
            self.wanted = value.strip().split(',')
        return Milter.CONTINUE

    def body(self, piece):
        return Milter.SKIP

    def eom(self):
        for do in self.wanted:
            if do == 'headers':
                self.addheader('X-Last', 'one\n\ttwo')
                self.addheader('X-First', 'top', 0)
                self.addheader('X-Second', 'below Received', 2)
                self.chgheader('Subject', 1, 'changed')
                self.chgheader('X-Gone', 1, '')
            elif do == 'body':
                self.replacebody('new body\r\n')
                self.replacebody('second piece\r\n')
            elif do == 'envelope':
                self.chgfrom('<changed@example.net>')
                self.addrcpt('<added@example.org>', 'NOTIFY=NEVER')
                self.delrcpt(self.rcpts[0])
            elif do == 'progress':
                self.progress()
            elif do == 'quarantine':
                self.quarantine('looks odd')
            elif do == 'discard':
                return Milter.DISCARD
            elif do == 'reply':
                self.setreply('550', '5.7.1', 'first line', 'second line')
                return Milter.REJECT
            elif do == 'tempfail':
                return Milter.TEMPFAIL
        return Milter.CONTINUE


Milter.factory = EveryAction
Milter.set_flags(
    Milter.CHGBODY
    | Milter.CHGHDRS
    | Milter.ADDHDRS
    | Milter.ADDRCPT
    | Milter.ADDRCPT_PAR
    | Milter.DELRCPT
    | Milter.QUARANTINE
    | Milter.CHGFROM
)
Milter.runmilter('every-action', sys.argv[1], 60)
