"""What tests of the desk begin with."""

from __future__ import annotations

import pytest

from portal.accounts.models import Person
from portal.desk.models import Thread
from portal.white_labels.models import WhiteLabel
from tests.desk.talk import begin


@pytest.fixture
def thread(acme: WhiteLabel, ada: Person, olive: Person) -> Thread:
    """Ada has asked Olive for something."""
    return begin(acme, ada)
