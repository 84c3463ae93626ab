"""Routes in words."""

from __future__ import annotations

import pytest
from flask import Flask

from portal.routing.decide import By
from portal.routing.explain import because


@pytest.mark.parametrize(
    ("app_name", "words"),
    [
        ("Shop", "no server of the app's owner can be used"),
        ("", "no server of Ada can be used"),
    ],
    ids=["an app's mail", "a person's own"],
)
def test_mail_on_the_platforms_server_says_whose_could_not_carry_it(
    app: Flask, app_name: str, words: str
) -> None:
    assert because(By.PLATFORM, owner="Ada", app=app_name) == words
