"""A real Postfix for each test process: own folders, loopback ports, nothing leaves the machine.

Whatever it accepts is delivered into one mailbox, from which tests read it back. Three doors:

- `port`: plain, no questions asked, as a relay in the same rack
- `submission_port`: STARTTLS is compulsory, then SASL (PLAIN, LOGIN, CRAM-MD5)
- `tls_port`: TLS from the first byte, then the same SASL

Some addresses always get the same answer: see `RECIPIENTS` and `SENDERS`.
"""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

import pytest

from tests.equipment.certificates import Authority
from tests.equipment.daemons import Daemon, folder_for, free_port, started, wait_until
from tests.equipment.programs import executable, program_or_fail

USERNAME = "livery"
PASSWORD = "correct horse battery staple"
HOSTNAME = "mx.postfix.test"
A_WHILE_AGO = 1_000_000_000  # in seconds since 1970

# What Postfix says to RCPT TO and MAIL FROM, as regular expressions on the address.
RECIPIENTS = r"""
/^unknown@/   550 5.1.1 No such user here
/^greylist@/  450 4.7.1 Greylisted, come back later
/^full@/      452 4.2.2 Mailbox full
"""
SENDERS = r"""
/^forbidden@/ 553 5.7.1 Sender address not owned by user
"""

MAIN = """
compatibility_level = 3.6
config_directory = {config}
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {log}
maillog_file_prefixes = {folder}
mail_owner = postfix
setgid_group = postdrop

myhostname = {hostname}
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
smtputf8_enable = no
alias_maps =
local_recipient_maps =

# Everything ends in one mailbox; nothing has a way out.
virtual_mailbox_domains = static:all
virtual_mailbox_maps = static:everybody/
virtual_mailbox_base = {folder}/mail
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_mailbox_limit = 0
default_transport = error:nothing leaves this machine
relay_transport = error:nothing leaves this machine
local_transport = error:nobody lives here
disable_dns_lookups = yes
smtpd_peername_lookup = no

smtpd_sender_restrictions = check_sender_access regexp:{config}/senders
smtpd_recipient_restrictions = check_recipient_access regexp:{config}/recipients
smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject
smtpd_tls_chain_files = {certificate}
smtpd_tls_session_cache_database =
smtpd_sasl_type = cyrus
smtpd_sasl_path = smtpd
smtpd_sasl_local_domain = {hostname}
cyrus_sasl_config_path = {config}/sasl
broken_sasl_auth_clients = no

# Postfix punishes mistakes with waiting. Tests make them on purpose.
smtpd_error_sleep_time = 0
smtpd_soft_error_limit = 1000
smtpd_hard_error_limit = 1000
smtpd_junk_command_limit = 1000
smtpd_client_connection_count_limit = 0
in_flow_delay = 0
"""

SUBMISSION = """\
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_relay_restrictions=permit_sasl_authenticated,reject"""

MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
127.0.0.1:{submission_port} inet n - n - - smtpd
  -o smtpd_tls_security_level=encrypt
{submission}
127.0.0.1:{tls_port} inet n - n - - smtpd
  -o smtpd_tls_wrappermode=yes
{submission}
cleanup   unix   n - n - 0 cleanup
qmgr      unix   n - n 300 1 qmgr
tlsmgr    unix   - - n 1000? 1 tlsmgr
rewrite   unix   - - n - - trivial-rewrite
bounce    unix   - - n - 0 bounce
defer     unix   - - n - 0 bounce
trace     unix   - - n - 0 bounce
verify    unix   - - n - 1 verify
flush     unix   n - n 1000? 0 flush
proxymap  unix   - - n - - proxymap
virtual   unix   - n n - - virtual
error     unix   - - n - - error
retry     unix   - - n - - error
discard   unix   - - n - - discard
anvil     unix   - - n - 1 anvil
postlog   unix-dgram n - n - 1 postlogd
"""

SASL = """
pwcheck_method: auxprop
auxprop_plugin: sasldb
sasldb_path: {sasldb}
mech_list: PLAIN LOGIN CRAM-MD5
"""


class Postfix:
    """One instance. `daemon` can be frozen, stopped and started again."""

    host = "localhost"  # the name in its certificate; it listens on 127.0.0.1
    username = USERNAME
    password = PASSWORD

    def __init__(self, folder: Path, authority: Authority) -> None:
        self.authority = authority
        self.port, self.submission_port, self.tls_port = free_port(), free_port(), free_port()
        self._folder = folder
        self._config = folder / "config"
        self._mailbox = folder / "mail" / "everybody"
        self._log = folder / "log"
        daemons = subprocess.check_output(
            [executable("postconf"), "-d", "-h", "daemon_directory"], text=True
        )
        self.daemon = Daemon(
            [Path(daemons.strip()) / "master", "-c", self._config, "-s"],
            log=self._log,
            is_ready=lambda: "daemon started" in self._log.read_text(encoding="utf-8"),
        )

    def configure(self) -> None:
        """Write every file that Postfix reads, and the folders it works in."""
        postfix, nobody = pwd.getpwnam("postfix"), pwd.getpwnam("nobody")
        config, data, mail = (self._folder / name for name in ("config", "data", "mail"))
        sasl = config / "sasl"  # where Debian's build looks, whatever it is told
        for folder in (config, data, mail, sasl):
            folder.mkdir(exist_ok=True)
        _make_queue(self._folder / "queue")
        self._folder.chmod(0o755)
        _chown(data, postfix)
        _chown(mail, nobody)

        certificate = config / "certificate.pem"
        certificate.write_bytes(self.authority.issue("localhost", "127.0.0.1").read_bytes())
        (config / "recipients").write_text(RECIPIENTS, encoding="utf-8")
        (config / "senders").write_text(SENDERS, encoding="utf-8")
        (config / "main.cf").write_text(
            MAIN.format(
                folder=self._folder,
                config=config,
                log=self._log,
                hostname=HOSTNAME,
                certificate=certificate,
                uid=nobody.pw_uid,
                gid=nobody.pw_gid,
            ),
            encoding="utf-8",
        )
        (config / "master.cf").write_text(
            MASTER.format(
                port=self.port,
                submission_port=self.submission_port,
                tls_port=self.tls_port,
                submission=SUBMISSION,
            ),
            encoding="utf-8",
        )
        for file in config.iterdir():
            # Postfix waits until what it reads has not changed for a second or two.
            os.utime(file, (A_WHILE_AGO, A_WHILE_AGO))

        sasldb = sasl / "sasldb2"
        (sasl / "smtpd.conf").write_text(SASL.format(sasldb=sasldb), encoding="utf-8")
        subprocess.run(
            [executable("saslpasswd2"), "-c", "-p", "-f", sasldb, "-u", HOSTNAME, USERNAME],
            input=PASSWORD.encode(),
            check=True,
        )
        _chown(sasldb, postfix)

    def start(self) -> None:
        self.configure()
        self._log.write_text("", encoding="utf-8")
        self.daemon.start()

    def raw_mail(self, to: str) -> list[bytes]:
        """What lies in the mailbox for this address, byte for byte, oldest first."""
        found = sorted(self._mailbox.glob("new/*"), key=lambda path: path.stat().st_mtime_ns)
        mark = f"\nDelivered-To: {to}\n".encode()
        return [mail for path in found if mark in (mail := path.read_bytes())]

    def mail(self, to: str) -> list[EmailMessage]:
        """The same, parsed. The envelope's sender is in Return-Path."""
        parser = BytesParser(policy=policy.default)
        return [parser.parsebytes(raw) for raw in self.raw_mail(to)]

    def wait_for_mail(self, to: str, *, count: int = 1, within: float = 30) -> list[EmailMessage]:
        """The mail for this address, as soon as there are `count` of them."""
        try:
            wait_until(lambda: len(self.mail(to)) >= count, f"mail for {to}", within=within)
        except TimeoutError as late:
            raise AssertionError(f"{late}\n{self.daemon.words()}") from None
        return self.mail(to)

    def empty(self) -> None:
        """Forget what was delivered."""
        for path in self._mailbox.glob("new/*"):
            path.unlink()


def _make_queue(queue: Path) -> None:
    """The folders that `postfix check` would make, without its three seconds of checking."""
    postfix, postdrop = pwd.getpwnam("postfix"), grp.getgrnam("postdrop")
    for name in (
        *("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming"),
        *("private", "saved", "trace"),
    ):
        (queue / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        _chown(queue / name, postfix)
    (queue / "pid").mkdir(exist_ok=True)
    for name, mode in (("maildrop", 0o730), ("public", 0o710)):
        (queue / name).mkdir(exist_ok=True)
        shutil.chown(queue / name, postfix.pw_uid, postdrop.gr_gid)
        (queue / name).chmod(mode)


def _chown(path: Path, account: pwd.struct_passwd) -> None:
    shutil.chown(path, account.pw_uid, account.pw_gid)


@pytest.fixture(scope="session")
def running_postfix(authority: Authority) -> Iterator[Postfix]:
    program_or_fail("postfix")
    with folder_for("postfix") as folder:
        server = started(lambda: Postfix(folder, authority))
        yield server
        server.daemon.stop()


@pytest.fixture
def postfix(running_postfix: Postfix) -> Postfix:
    running_postfix.empty()
    return running_postfix
