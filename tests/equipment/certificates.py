"""A certificate authority that lives as long as the tests, and what trusts it."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
import trustme


class Authority:
    """Issues certificates; `file` is what a client that trusts it is given."""

    def __init__(self, folder: Path) -> None:
        self._ca = trustme.CA()
        self._folder = folder
        self.file = folder / "authority.pem"
        self._ca.cert_pem.write_to_path(str(self.file))

    def issue(self, *names: str) -> Path:
        """One PEM file with key and chain for these host names and addresses."""
        chain = self._folder / f"{'-'.join(names).replace('*', 'any')}.pem"
        self._ca.issue_cert(*names).private_key_and_cert_chain_pem.write_to_path(str(chain))
        return chain

    def trusting(self) -> ssl.SSLContext:
        """A client's context that trusts this authority alone and checks host names."""
        return ssl.create_default_context(cafile=str(self.file))


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))
