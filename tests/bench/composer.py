"""How many personalised multipart messages a second the composer writes on one core."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from html import escape

from portal.smtp.addresses import parse_mailbox
from portal.smtp.compose import Draft, Recipient, compile_message
from portal.smtp.segments import Merge, Segments

MESSAGES = 20_000
RUNS = 5

TEXT = """\
Hello {first_name},

thank you for your order {order}. We have received your payment and pass the parcel on to the
carrier today. You can follow it here: {link}

If anything is not as it should be, answer this mail: a person reads it. You can send the goods
back within thirty days, and you do not need to give a reason. The return label is in the parcel.

Your team at Acme
Example Street 1, 12345 Example Town
"""
HTML = """\
<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Your order {order}</title></head>
<body style="margin:0;background:#f4f5f7;font-family:Helvetica,Arial,sans-serif;color:#1f2933">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0"><tr><td align="center">
<table role="presentation" width="600" style="background:#ffffff;border-radius:6px">
<tr><td style="padding:32px"><h1 style="font-size:22px;margin:0 0 16px">Hello {first_name},</h1>
<p style="line-height:1.5">thank you for your order <strong>{order}</strong>. We have received your
payment of <strong>{amount}</strong> and pass the parcel on to the carrier today.</p>
<p style="margin:24px 0"><a href="{link}" style="background:#0054a6;color:#ffffff;padding:12px 20px;
border-radius:4px;text-decoration:none">Follow your parcel</a></p>
<p style="line-height:1.5">If anything is not as it should be, answer this mail: a person reads it.
You can send the goods back within thirty days, and you do not need to give a reason.</p>
<p style="color:#616e7c;font-size:13px">Your team at Acme, Example Street 1, 12345 Example Town</p>
</td></tr></table></td></tr></table>
</body>
</html>
"""


def draft(find: Callable[[str, bool], Merge]) -> Draft:
    """The letter of the benchmark, its holes filled by what `find(name, is_html)` gives."""
    return Draft(
        sender=parse_mailbox("Acme <orders@acme.example>"),
        reply_to=(parse_mailbox("help@acme.example"),),
        subject=segments("Your order {order}", find, is_html=False),
        text=segments(TEXT, find, is_html=False),
        html=segments(HTML, find, is_html=True),
        seed="version 1",
    )


def segments(source: str, find: Callable[[str, bool], Merge], *, is_html: bool) -> Segments:
    """Take `{name}` apart from the text around it."""
    parts: list[str | Merge] = []
    for piece in source.split("{"):
        name, brace, literal = piece.partition("}")
        parts += [find(name, is_html), literal] if brace else [piece]
    return Segments(tuple(parts))


def recipients(count: int, *, first_name: str = "Ada", link: str = "") -> list[Recipient]:
    """So many people, each with values of their own."""
    now = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
    return [
        Recipient(
            email=f"person{number}@birch.example",
            name=f"{first_name} Person",
            seed=f"delivery {number}",
            date=now,
            values={
                "first_name": first_name,
                "order": f"A-{number:06}",
                "amount": f"{number % 90}.90 EUR",
                "link": link or f"https://acme.example/orders/{number}",
            },
        )
        for number in range(count)
    ]


def composes_a_second(people: list[Recipient]) -> list[float]:
    """One number for each run, fastest last."""
    known: dict[tuple[str, bool], Merge] = {}

    def find(name: str, is_html: bool) -> Merge:
        return known.setdefault((name, is_html), _plain(name) if not is_html else _escaped(name))

    compiled = compile_message(draft(find))
    speeds = []
    for _run in range(RUNS):
        begun = time.perf_counter()
        for person in people:
            compiled.render(person)
        speeds.append(len(people) / (time.perf_counter() - begun))
    return sorted(speeds)


def _plain(name: str) -> Merge:
    return lambda values: str(values[name])


def _escaped(name: str) -> Merge:
    return lambda values: escape(str(values[name]))


def main() -> None:
    """Print the table."""
    for label, people in {
        "plain values": recipients(MESSAGES),
        "names with umlauts": recipients(MESSAGES, first_name="Jürgen"),
        "links of 70 characters": recipients(
            MESSAGES, link="https://acme.example/track?order=1&token=0123456789abcdef0123456789"
        ),
    }.items():
        speeds = composes_a_second(people)
        print(
            f"composer, {label:<24} best {speeds[-1]:>9,.0f}/s   "
            f"median {statistics.median(speeds):>9,.0f}/s"
        )


if __name__ == "__main__":
    main()
