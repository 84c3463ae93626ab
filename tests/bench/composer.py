"""How many personalised multipart messages a second the composer writes on one core."""

from __future__ import annotations

import statistics
import time
from datetime import UTC, datetime

from portal.mail_templates.merge import parse, parse_subject
from portal.smtp import dkim
from portal.smtp.addresses import parse_mailbox
from portal.smtp.compose import Draft, Recipient, compile_message

MESSAGES = 20_000
RUNS = 5

TEXT = """\
Hello {{ first_name }},

thank you for your order {{ order }}. We have received your payment and pass the parcel on to the
carrier today. You can follow it here: {{ link }}

If anything is not as it should be, answer this mail: a person reads it. You can send the goods
back within thirty days, and you do not need to give a reason. The return label is in the parcel.

Your team at Acme
Example Street 1, 12345 Example Town
"""
HTML = """\
<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Your order {{ order }}</title></head>
<body style="margin:0;background:#f4f5f7;font-family:Helvetica,Arial,sans-serif;color:#1f2933">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0"><tr><td align="center">
<table role="presentation" width="600" style="background:#ffffff;border-radius:6px">
<tr><td style="padding:32px"><h1 style="font-size:22px;margin:0 0 16px">Hello {{ first_name }},</h1>
<p style="line-height:1.5">thank you for your order <strong>{{ order }}</strong>. We have received
your payment of <strong>{{ amount }}</strong> and pass the parcel on to the carrier today.</p>
<p style="margin:24px 0"><a href="{{ link }}" style="background:#0054a6;color:#ffffff;
padding:12px 20px;border-radius:4px;text-decoration:none">Follow your parcel</a></p>
<p style="line-height:1.5">If anything is not as it should be, answer this mail: a person reads it.
You can send the goods back within thirty days, and you do not need to give a reason.</p>
<p style="color:#616e7c;font-size:13px">Your team at Acme, Example Street 1, 12345 Example Town</p>
</td></tr></table></td></tr></table>
</body>
</html>
"""


def draft() -> Draft:
    """One value in the subject, three in the text, six in the HTML; 2.4 KB."""
    return Draft(
        sender=parse_mailbox("Acme <orders@acme.example>"),
        reply_to=(parse_mailbox("help@acme.example"),),
        subject=parse_subject("Your order {{ order }}").content,
        text=parse(TEXT).content,
        html=parse(HTML, is_html=True).content,
        seed="version 1",
    )


def recipients(
    count: int, *, first: int = 0, first_name: str = "Ada", link: str = ""
) -> list[Recipient]:
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
        for number in range(first, first + count)
    ]


def composes_a_second(people: list[Recipient]) -> list[float]:
    """One number for each run, by processor time, so that a busy machine changes little; sorted."""
    compiled = compile_message(draft())
    speeds = []
    for _run in range(RUNS):
        begun = time.process_time()
        for person in people:
            compiled.render(person)
        speeds.append(len(people) / (time.process_time() - begun))
    return sorted(speeds)


class _FreeRsa(dkim.Signer):
    """Does everything but RSA itself."""

    def rsa(self, content: bytes) -> bytes:
        return bytes(dkim.KEY_BITS // 8)


def microseconds_beside_rsa() -> float:
    """Processor time that a signature takes in Python: canonical forms, hashes, the field."""
    signer = _FreeRsa(dkim.new_key(), domain="acme.example", selector="lv1")
    compiled = compile_message(draft())
    mails = [compiled.render(person) for person in recipients(MESSAGES // 10)]
    spent = []
    for _run in range(RUNS):
        begun = time.process_time()
        for mail in mails:
            signer.sign(mail)
        spent.append((time.process_time() - begun) / len(mails) * 1e6)
    return statistics.median(spent)


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
