"""The example for nginx: nginx itself takes it, and it lets through what Livery takes."""

from __future__ import annotations

import re
import subprocess
from itertools import count
from pathlib import Path

import pytest
from flask import Flask

from portal.api.door import MAX_BODY
from portal.core.schema import PROJECT
from tests.equipment.certificates import Authority
from tests.equipment.programs import executable, program_or_fail

EXAMPLE = PROJECT / "deploy" / "nginx.conf"
AROUND = """\
pid {folder}/pid;
error_log {folder}/errors;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder};
    proxy_temp_path {folder};
    fastcgi_temp_path {folder};
    uwsgi_temp_path {folder};
    scgi_temp_path {folder};
    include {folder}/livery.conf;
}}
"""


@pytest.fixture
def whole(tmp_path: Path, authority: Authority) -> Path:
    """The example as part of a configuration that needs no root, no port and no other folder."""
    text = EXAMPLE.read_text(encoding="utf-8")
    # Trying it opens its sockets.
    names = (f"listen unix:{tmp_path}/{number}" for number in count())
    text = re.sub(r"listen (\[::\]:)?[0-9]+", lambda _: next(names), text)
    certificate = authority.issue("mail.northwind.example", "mail.acme.example")
    text = re.sub(r"/etc/ssl/livery/\w+\.pem", str(certificate), text)
    (tmp_path / "livery.conf").write_text(text, encoding="utf-8")
    configuration = tmp_path / "nginx.conf"
    configuration.write_text(AROUND.format(folder=tmp_path), encoding="utf-8")
    return configuration


def test_nginx_takes_it(whole: Path) -> None:
    program_or_fail("nginx")

    tried = subprocess.run(
        [executable("nginx"), "-t", "-e", whole.parent / "errors", "-c", whole],
        capture_output=True,
        text=True,
        check=False,
    )

    assert tried.returncode == 0, tried.stderr


def test_it_lets_the_largest_upload_through_and_no_more(app: Flask) -> None:
    (limit,) = re.findall(r"client_max_body_size ([0-9]+)m;", EXAMPLE.read_text(encoding="utf-8"))
    taken = {getattr(view, "takes", 0) for view in app.view_functions.values()}

    assert int(limit) * 1024 * 1024 == max(*taken, MAX_BODY)
