"""Senders: where they may be, and whose default they are."""

from __future__ import annotations

import pytest

from portal.accounts.models import Person
from portal.core.errors import NotFound, Refusal
from portal.domains.models import DomainState
from portal.senders import senders
from portal.senders.models import Sender
from portal.senders.senders import SenderValues
from portal.smtp_settings.models import SmtpServer
from portal.white_labels.models import WhiteLabel
from tests.equipment.stage import make_domain, make_sender, make_server

NEWS = SenderValues("news@acme.example", "Acme News", "support@acme.example")


@pytest.fixture
def own(ada: Person) -> SmtpServer:
    return make_server(ada, "own")


@pytest.fixture
def main(olive: Person) -> SmtpServer:
    return make_server(olive, "main")


@pytest.fixture
def news(own: SmtpServer, acme: WhiteLabel) -> Sender:
    return make_sender(own, "news@acme.example", of=acme)


@pytest.mark.accepts("UC-14", "UC-15", "UC-17")
def test_a_sender_has_address_name_and_reply_to(acme: WhiteLabel, own: SmtpServer) -> None:
    sender = senders.create(acme, own, NEWS)

    assert (sender.email, sender.name, sender.reply_to) == (
        "news@acme.example",
        "Acme News",
        "support@acme.example",
    )


@pytest.mark.parametrize(
    ("values", "field"),
    [
        (SenderValues("no address"), "email"),
        (SenderValues("a@acme.example", reply_to="no address"), "reply_to"),
        (SenderValues("a@acme.example", "new\r\nBcc: x@evil.example"), "sender_name"),
        (SenderValues("a@acme.example", "x" * 121), "sender_name"),
    ],
)
def test_wrong_values_are_refused_at_their_field(
    acme: WhiteLabel, own: SmtpServer, values: SenderValues, field: str
) -> None:
    with pytest.raises(Refusal) as refused:
        senders.create(acme, own, values)

    assert refused.value.field == field


@pytest.mark.accepts("SI-32")
@pytest.mark.parametrize("state", [None, DomainState.ALLOWED, DomainState.LAPSED])
def test_the_platforms_server_carries_no_address_of_an_unverified_domain(
    acme: WhiteLabel, main: SmtpServer, state: DomainState | None
) -> None:
    if state is not None:
        make_domain(acme, "acme.example", state)

    with pytest.raises(Refusal) as refused:
        senders.create(acme, main, NEWS)

    assert (refused.value.code, refused.value.field) == ("domain_not_verified", "email")


@pytest.mark.accepts("SI-32")
def test_the_platforms_server_carries_addresses_of_a_verified_domain(
    acme: WhiteLabel, main: SmtpServer
) -> None:
    make_domain(acme, "acme.example")

    assert senders.create(acme, main, NEWS).server_id == main.id


def test_a_name_that_only_looks_like_a_verified_domain_is_refused(
    acme: WhiteLabel, main: SmtpServer
) -> None:
    make_domain(acme, "acme.example")

    for address in ("news@evilacme.example", "news@sub.acme.example"):
        with pytest.raises(Refusal):
            senders.create(acme, main, SenderValues(address))


def test_another_white_labels_verified_domain_is_no_help(
    acme: WhiteLabel, birch: WhiteLabel, main: SmtpServer
) -> None:
    make_domain(birch, "acme.example")

    with pytest.raises(Refusal):
        senders.create(acme, main, NEWS)


def test_changing_the_address_is_checked_like_a_new_one(acme: WhiteLabel, main: SmtpServer) -> None:
    make_domain(acme, "acme.example")
    sender = senders.create(acme, main, NEWS)

    with pytest.raises(Refusal):
        senders.change(sender, SenderValues("news@birch.example"))

    assert sender.email == "news@acme.example"


def test_a_foreign_server_carries_nothing(
    birch: WhiteLabel, own: SmtpServer, olive: Person
) -> None:
    for stranger in (birch, None):
        with pytest.raises(NotFound):
            senders.create(stranger, own, NEWS)


def test_a_foreign_sender_is_not_there(acme: WhiteLabel, birch: WhiteLabel, news: Sender) -> None:
    assert senders.find_sender(acme, news.id) is news
    for stranger in (birch, None):
        with pytest.raises(NotFound):
            senders.find_sender(stranger, news.id)
        assert news not in senders.senders_of(stranger)
        assert senders.find_by_email(stranger, news.email) is None


def test_a_change_of_address_makes_waiting_mail_be_decided_again(news: Sender) -> None:
    before = news.server.version

    senders.change(news, SenderValues("hello@acme.example"))

    assert news.server.version == before + 1


class TestDefaults:
    @pytest.mark.accepts("UC-22")
    def test_a_sender_is_the_default_of_many(self, news: Sender, ada: Person, abe: Person) -> None:
        moved = senders.set_default_for(news, [ada, abe])

        assert moved == []
        assert {person.name for person in senders.people_with_default(news)} == {"Ada", "Abe"}
        assert senders.default_of(abe) is news

    @pytest.mark.accepts("UC-22")
    def test_a_person_has_one_default_and_moving_it_is_told(
        self, news: Sender, own: SmtpServer, acme: WhiteLabel, abe: Person
    ) -> None:
        hello = make_sender(own, "hello@acme.example", of=acme)
        senders.set_default_for(news, [abe])

        moved = senders.set_default_for(hello, [abe])

        assert [(one.person, one.before) for one in moved] == [(abe, news)]
        assert senders.default_of(abe) is hello

    def test_who_is_not_named_any_more_has_none(self, news: Sender, abe: Person) -> None:
        senders.set_default_for(news, [abe])

        senders.set_default_for(news, [])

        assert senders.default_of(abe) is None

    @pytest.mark.accepts("UC-22")
    def test_it_cannot_be_the_default_of_somebody_elsewhere(
        self, news: Sender, cal: Person, olive: Person
    ) -> None:
        for stranger in (cal, olive):
            with pytest.raises(Refusal):
                senders.set_default_for(news, [stranger])

    def test_deleting_a_sender_takes_it_from_everybody(self, news: Sender, abe: Person) -> None:
        senders.set_default_for(news, [abe])

        senders.delete(news)

        assert senders.default_of(abe) is None


class TestPrimary:
    def test_the_address_in_the_servers_form_is_changed_not_doubled(
        self, own: SmtpServer, acme: WhiteLabel
    ) -> None:
        before = senders.primary_of(own)

        senders.set_primary(own, NEWS)

        assert senders.primary_of(own) is before
        assert [sender.email for sender in senders.senders_of(acme)] == ["news@acme.example"]

    def test_it_cannot_be_deleted_alone(self, own: SmtpServer) -> None:
        primary = senders.primary_of(own)
        assert primary is not None

        with pytest.raises(Refusal) as refused:
            senders.delete(primary)

        assert refused.value.code == "sender_is_primary"

    def test_a_white_labels_address_on_the_platforms_server_is_not_the_servers_own(
        self, main: SmtpServer, acme: WhiteLabel
    ) -> None:
        make_domain(acme, "acme.example")
        theirs = senders.create(acme, main, NEWS)

        primary = senders.primary_of(main)

        assert primary is not None
        assert primary.id != theirs.id
        with pytest.raises(ValueError, match="own"):
            senders.create(acme, main, SenderValues("x@acme.example"), is_primary=True)
