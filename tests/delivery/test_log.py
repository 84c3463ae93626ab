"""The delivery log finds what it is asked for, and shows nobody what is not theirs."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portal.accounts.models import Person
from portal.apps.models import App
from portal.core.db import db
from portal.core.errors import NotFound
from portal.delivery import log
from portal.delivery.log import Search
from portal.outbox.accept import accept
from portal.outbox.models import Delivery, Message
from portal.outbox.states import State
from portal.outbox.submission import OwnContent, Recipient, Submission
from portal.smtp.addresses import parse_mailbox
from portal.smtp_settings.models import SmtpServer
from portal.white_labels.models import WhiteLabel
from tests.equipment.clock import HandSetClock
from tests.equipment.mail import send
from tests.equipment.stage import make_app, make_server


@pytest.fixture
def own(ada: Person) -> SmtpServer:
    return make_server(ada, "own")


@pytest.fixture
def shop(own: SmtpServer, ada: Person) -> App:
    return make_app(ada, "Shop")


@pytest.fixture
def orders(cal: Person) -> App:
    make_server(cal, "birch-own")
    return make_app(cal, "Orders")


def found(white_label: WhiteLabel | None, **asked: object) -> list[str]:
    page = log.deliveries(white_label.id if white_label else None, Search(**asked))  # type: ignore[arg-type]
    return [delivery.email for delivery in page.rows]


def became(message: Message, state: State, **facts: object) -> None:
    delivery = message.deliveries[0]
    delivery.state = state
    for name, value in facts.items():
        setattr(delivery, name, value)
    db.session.commit()


def write(author: Person, to: str, *, agent: Person | None = None) -> Message:
    submission = Submission(
        white_label_id=author.white_label_id,
        to=(Recipient(parse_mailbox(to)),),
        content=OwnContent("Hello", "Hello"),
        author_id=author.id,
        agent_id=agent.id if agent else None,
    )
    message = accept(submission).message
    db.session.commit()
    return message


@pytest.mark.both_stores
class TestWhoseMail:
    def test_a_white_label_sees_its_own_newest_first(
        self, shop: App, orders: App, acme: WhiteLabel
    ) -> None:
        send(shop, "first@x.example")
        send(orders, "theirs@x.example")
        send(shop, "second@x.example")

        assert found(acme) == ["second@x.example", "first@x.example"]

    def test_the_backoffice_sees_everything(self, shop: App, orders: App) -> None:
        send(shop, "ours@x.example")
        send(orders, "theirs@x.example")

        assert found(None) == ["theirs@x.example", "ours@x.example"]

    def test_an_agent_sees_what_they_wrote_and_what_was_written_in_their_name(
        self, shop: App, acme: WhiteLabel, ada: Person, abe: Person
    ) -> None:
        send(shop, "the-apps@x.example")
        write(abe, "abes@x.example")
        write(ada, "adas@x.example")
        write(ada, "in-abes-name@x.example", agent=abe)

        assert found(acme, whose=abe.id) == ["in-abes-name@x.example", "abes@x.example"]

    def test_a_foreign_delivery_is_not_there(self, shop: App, orders: App) -> None:
        theirs = send(orders).deliveries[0]

        with pytest.raises(NotFound):
            log.delivery(shop.white_label_id, theirs.id, whose=None)

    def test_an_agent_does_not_find_a_colleagues_delivery(
        self, shop: App, ada: Person, abe: Person
    ) -> None:
        adas = write(ada, "adas@x.example").deliveries[0]

        with pytest.raises(NotFound):
            log.delivery(shop.white_label_id, adas.id, whose=abe.id)


@pytest.mark.both_stores
class TestSearching:
    def test_by_address_however_it_is_spelled(self, shop: App, acme: WhiteLabel) -> None:
        send(shop, ["ann@x.example", "ben@x.example"])

        assert found(acme, email="Ann@x.example") == ["ann@x.example"]
        assert found(None, email="ann@x.example") == ["ann@x.example"]

    def test_by_message(self, shop: App, acme: WhiteLabel) -> None:
        message = send(shop, "ann@x.example")
        send(shop, "ben@x.example")

        assert found(acme, message=message.public_id) == ["ann@x.example"]

    def test_by_app_and_server(
        self, shop: App, own: SmtpServer, acme: WhiteLabel, bob: Person, olive: Person
    ) -> None:
        main = make_server(olive, "main")
        blog = make_app(bob, "Blog")
        send(shop, "shop@x.example")
        send(blog, "blog@x.example")

        assert found(acme, app_id=blog.id) == ["blog@x.example"]
        assert found(acme, server_id=main.id) == ["blog@x.example"]
        assert found(acme, server_id=own.id) == ["shop@x.example"]

    @pytest.mark.parametrize("state", list(State))
    def test_by_state(self, shop: App, acme: WhiteLabel, state: State) -> None:
        others = State.FAILED if state is not State.FAILED else State.SENT
        became(send(shop, "other@x.example"), others)
        became(send(shop, "wanted@x.example"), state)

        assert found(acme, state=state) == ["wanted@x.example"]

    @pytest.mark.accepts("UC-31")
    def test_by_the_servers_code(self, shop: App, acme: WhiteLabel) -> None:
        became(send(shop, "fast@x.example"), State.DEFERRED, code=454)
        became(send(shop, "gone@x.example"), State.FAILED, code=550)

        assert found(acme, code=454) == ["fast@x.example"]

    def test_by_time_from_included_to_not(
        self, shop: App, acme: WhiteLabel, clock: HandSetClock
    ) -> None:
        moments = []
        for number in range(6):
            moments.append(clock.now())
            send(shop, [f"{number}{copy}@x.example" for copy in "ab"])
            clock.advance(hours=1)

        between = found(acme, since=moments[2], until=moments[4])
        later = found(acme, since=clock.now())
        earlier = found(acme, until=moments[0])

        assert between == ["3b@x.example", "3a@x.example", "2b@x.example", "2a@x.example"]
        assert later == earlier == []

    def test_a_span_of_time_in_an_empty_log(self, acme: WhiteLabel, clock: HandSetClock) -> None:
        assert found(acme, since=clock.now(), until=clock.now() + timedelta(days=1)) == []


def test_pages_go_to_and_fro(shop: App, acme: WhiteLabel) -> None:
    send(shop, [f"{number}@x.example" for number in range(5)])

    first = log.deliveries(acme.id, Search(), size=2)
    second = log.deliveries(acme.id, Search(), before=first.older, size=2)
    back = log.deliveries(acme.id, Search(), after=second.newer, size=2)

    assert [one.email for one in second.rows] == ["2@x.example", "1@x.example"]
    assert back.rows == first.rows


def test_an_export_reads_on_over_its_portions(
    shop: App, acme: WhiteLabel, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(shop, [f"{number}@x.example" for number in range(7)])
    monkeypatch.setattr(log, "AT_ONCE", 3)

    everything = [one.email for one in log.all_deliveries(acme.id, Search())]

    assert everything == [f"{number}@x.example" for number in reversed(range(7))]


def test_deleted_servers_and_apps_can_still_be_chosen(
    shop: App, own: SmtpServer, acme: WhiteLabel, clock: HandSetClock
) -> None:
    shop.deleted_at = own.deleted_at = clock.now()
    db.session.commit()

    assert [app.name for app in log.apps_in(acme.id)] == ["Shop"]
    assert [server.name for server in log.servers_in(acme.id)] == ["own"]


def test_a_white_label_chooses_among_its_own_and_the_platforms_servers(
    own: SmtpServer, orders: App, acme: WhiteLabel, olive: Person
) -> None:
    make_server(olive, "main")

    assert [server.name for server in log.servers_in(acme.id)] == ["main", "own"]


def test_for_everybodys_mail_those_of_one_white_label_can_be_chosen_at_a_time(
    shop: App, orders: App, own: SmtpServer, cal: Person, acme: WhiteLabel, olive: Person
) -> None:
    make_server(olive, "main")
    theirs = make_server(cal, "theirs")

    nothing = log.apps_in_any(of=None, chosen=None)
    of_acme = log.apps_in_any(of=acme.id, chosen=None)
    and_chosen = log.apps_in_any(of=acme.id, chosen=orders.id)
    platforms = log.servers_in_any(of=None, chosen=None)
    acmes = log.servers_in_any(of=acme.id, chosen=None)
    and_theirs = log.servers_in_any(of=acme.id, chosen=theirs.id)

    assert nothing == []
    assert of_acme == [shop]
    assert and_chosen == [orders, shop]
    assert [one.name for one in platforms] == ["main"]
    assert [one.name for one in acmes] == ["main", "own"]
    assert [one.name for one in and_theirs] == ["main", "own", "theirs"]


def test_other_recipients_of_the_same_message(shop: App) -> None:
    message = send(shop, ["a@x.example", "b@x.example", "c@x.example"])
    send(shop, "else@x.example")

    others = log.others_of(db.session.get_one(Delivery, message.deliveries[1].id), most=9)

    assert [one.email for one in others] == ["a@x.example", "c@x.example"]


def test_readers_of_a_campaign_are_strangers_to_each_other(shop: App) -> None:
    message = send(shop, ["a@x.example", "b@x.example"])
    message.campaign_id = 7

    assert not log.others_of(message.deliveries[0], most=9)
