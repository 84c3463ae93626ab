"""A real Dovecot as a submission server that is signed in to by access token (XOAUTH2).

It asks the token service whether a token is good and whose it is, and hands what it takes on to
another SMTP server. STARTTLS is compulsory before anybody may sign in.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.equipment.certificates import Authority
from tests.equipment.daemons import Daemon, answers_on, folder_for, free_port, started
from tests.equipment.programs import executable, program_or_fail
from tests.equipment.smtp_server import SmtpServer
from tests.equipment.token_endpoint import TokenEndpoint

CONFIG = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {log}
protocols = submission
listen = 127.0.0.1
hostname = mx.dovecot.test

ssl = required
ssl_cert = <{certificate}
ssl_key = <{certificate}
disable_plaintext_auth = yes

auth_mechanisms = xoauth2 oauthbearer
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {folder}/oauth2.conf
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home={folder}/home
}}
mail_location = maildir:{folder}/home/%u
first_valid_uid = 1

service submission-login {{
  inet_listener submission {{
    port = {port}
  }}
}}
submission_relay_host = 127.0.0.1
submission_relay_port = {relay}

# Dovecot punishes mistakes with waiting. Tests make them on purpose.
auth_failure_delay = 0
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
"""

# What stands in the answer to a question about a token (RFC 7662).
OAUTH2 = """
introspection_mode = post
introspection_url = {tokens}/introspect
username_attribute = username
active_attribute = active
active_value = true
"""


class Dovecot:
    """One instance, on 127.0.0.1 with a certificate for that address."""

    host = "127.0.0.1"

    def __init__(
        self, folder: Path, authority: Authority, tokens: TokenEndpoint, relay: SmtpServer
    ) -> None:
        self.port = free_port()
        self._folder = folder
        self._settings = {
            "folder": folder,
            "log": folder / "log",
            "port": self.port,
            "relay": relay.port,
            "certificate": folder / "certificate.pem",
            "tokens": tokens.authority,
        }
        shutil.copy(authority.issue(self.host), folder / "certificate.pem")
        self.daemon = Daemon(
            [executable("dovecot"), "-F", "-c", folder / "dovecot.conf"],
            log=folder / "log",
            is_ready=lambda: answers_on(self.port),
        )

    def start(self) -> None:
        home = self._folder / "home"
        home.mkdir(exist_ok=True)
        shutil.chown(home, "nobody", "nogroup")
        self._folder.chmod(0o755)
        for name, text in (("dovecot.conf", CONFIG), ("oauth2.conf", OAUTH2)):
            (self._folder / name).write_text(text.format(**self._settings), encoding="utf-8")
        self.daemon.start()


@contextmanager
def running_dovecot(
    authority: Authority, tokens: TokenEndpoint, relay: SmtpServer
) -> Iterator[Dovecot]:
    """Dovecot between a token service and the server that it hands mail on to."""
    program_or_fail("dovecot")
    with folder_for("dovecot") as folder:
        server = started(lambda: Dovecot(folder, authority, tokens, relay))
        try:
            yield server
        finally:
            server.daemon.stop()
