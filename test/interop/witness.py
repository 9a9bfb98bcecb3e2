# A mail filter made with python3-milter (libmilter) that writes down what it is told, a line for each step: which
# macros it got with it (`i` for the queue id, other names by themselves) and what was said.
import sys

import Milter

NAMES = [
    'i', 'j', '_', '{auth_authen}', '{auth_type}', '{client_addr}', '{client_name}', '{client_ptr}',
    '{client_resolve}', '{daemon_name}', '{mail_addr}', '{mail_host}', '{mail_mailer}',
    '{rcpt_addr}', '{rcpt_host}', '{rcpt_mailer}', '{tls_version}', '{cipher}',
]


@Milter.rejected_recipients
class Witness(Milter.Base):
    def tell(self, step, *said):
        known = [name for name in NAMES if self.getsymval(name) is not None]
        with open(sys.argv[2], 'a', encoding='latin-1') as told:
            print(step, *[repr(one) for one in said], '|', *known, file=told)
        return Milter.CONTINUE

    def connect(self, name, family, address):
        return self.tell('connect', name, address[0])

    def hello(self, name):
        return self.tell('hello', name)

    def envfrom(self, sender, *params):
        return self.tell('mail', sender, *params)

    def envrcpt(self, to, *params):
        return self.tell('rcpt', to, *params)

    def data(self):
        return self.tell('data')

    def unknown(self, line):
        self.tell('unknown', line)
        return Milter.TEMPFAIL if 'LATER' in line else Milter.CONTINUE

    def header(self, name, value):
        return self.tell('header', name, value)

    def eoh(self):
        return self.tell('end of header')

    def body(self, piece):
        return self.tell('body', piece)

    def eom(self):
        return self.tell('end')

    def abort(self):
        return self.tell('abort')


Milter.factory = Witness
Milter.runmilter('witness', sys.argv[1], 60)
