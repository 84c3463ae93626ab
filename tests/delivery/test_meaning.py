"""What the log says about a state: what it means and what to do."""

from __future__ import annotations

import pytest

from portal.delivery.meaning import meaning_of
from portal.outbox.states import State
from portal.smtp.advice import Advice


def meaning(state: State, kind: str | None, **stored: object) -> Advice | None:
    facts = {"stage": None, "code": None, "enhanced": None, "words": None, **stored}
    return meaning_of(state, kind=kind, **facts)  # type: ignore[arg-type]


@pytest.mark.accepts("UC-31", "UC-32", "UC-33")
def test_a_throttled_mail_names_the_remedies() -> None:
    found = meaning(
        State.DEFERRED,
        "rate",
        stage="body",
        code=454,
        enhanced="4.7.0",
        words="Throttling failure: Maximum sending rate exceeded",
    )

    assert found is not None
    assert "faster than the server" in found.meaning
    assert "ask its administrator for a higher one" in found.what_to_do


@pytest.mark.parametrize(
    ("state", "kind", "said"),
    [
        (State.FAILED, "address", "no such recipient"),
        (State.FAILED, "expired", "three days"),
        (State.HELD, "poison", "Two delivery processes"),
        (State.HELD, "sender_refused", "From address"),
        (State.UNKNOWN, "unknown", "never said"),
        (State.QUEUED, "credentials", "user name"),
        (State.SANDBOXED, "test_key", "test key"),
        (State.SANDBOXED, "no_server", "No SMTP server"),
    ],
)
def test_each_kind_has_words(state: State, kind: str, said: str) -> None:
    found = meaning(state, kind, stage="rcpt")

    assert found is not None
    assert said in found.meaning
    assert found.what_to_do


def test_what_routing_holds_is_told_in_routings_own_words() -> None:
    found = meaning(State.HELD, "domain_lapsed", words="The DNS records are gone.")

    assert found is not None
    assert found.meaning == "The DNS records are gone."


@pytest.mark.parametrize("state", [State.SENT, State.CANCELLED])
def test_where_nothing_is_wrong_there_is_no_advice(state: State) -> None:
    assert meaning(state, "rate", code=250) is None
