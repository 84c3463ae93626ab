"""What a white label adds to a mail: its brand where the template asks for it, and a last line.

Worked out once, when the message is accepted, and kept with it: each copy has the same bytes,
whatever the brand is called by then.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from markupsafe import Markup

from portal.mail_templates.models import TemplateText
from portal.smtp.segments import Content, Segments
from portal.white_labels.in_mail import brand_values
from portal.white_labels.models import WhiteLabel

NOTICES: Mapping[str, str] = {
    "en": "This mailbox only sends; nobody reads what arrives there. To answer, write to {}.",
    "de": "Dieses Postfach sendet nur; was dort ankommt, liest niemand. Antworten Sie bitte an {}.",
    "es": "Este buzón solo envía; nadie lee lo que llega a él. Para responder, escriba a {}.",
    "fr": "Cette adresse ne fait qu’envoyer ; personne n’y lit le courrier. Pour répondre, "
    "écrivez à {}.",
    "it": "Questa casella invia soltanto; nessuno legge ciò che vi arriva. Per rispondere, "
    "scriva a {}.",
    "nl": "Dit postvak verzendt alleen; niemand leest wat er binnenkomt. Antwoorden kan naar {}.",
}
"""The line for mailboxes that only send, in the languages it is written in."""

_RULE = "-- \n"  # RFC 3676 4.3: below it stands what a reply need not quote
# The colour of the mail's own words, for it alone fits whatever paper the mail is on.
_STYLE = (
    "margin:0;padding:16px;font:13px/1.5 -apple-system,'Segoe UI',Roboto,Arial,sans-serif;"
    "text-align:center;opacity:.8"
)


def letterhead_of(
    white_label: WhiteLabel | None, text: TemplateText | None, *, variables: Collection[str] = ()
) -> dict[str, Any] | None:
    """What to keep with a message of this white label; None if there is nothing to add.

    `variables` are the values that the template asks for.
    """
    kept: dict[str, Any] = {}
    if any(name.partition(".")[0] == "brand" for name in variables):
        kept["brand"] = brand_values(white_label)
    if white_label is not None and white_label.answer_to:
        kept["answer_to"] = white_label.answer_to
        kept["language"] = text.language if text else white_label.notice_language
        kept["else_language"] = white_label.notice_language
    return kept or None


def notice_line(letterhead: Mapping[str, Any], answer_to: str) -> str:
    """That nobody reads what arrives, in the mail's language, a wider one, or the chosen one."""
    language = str(letterhead["language"])
    wanted = (language, language.partition("-")[0], str(letterhead["else_language"]), "en")
    return next(NOTICES[code] for code in wanted if code in NOTICES).format(answer_to)


def below_text(text: Content, line: str) -> Content:
    """The text with the line at its end."""
    ending = f"\n{_RULE}{line}\n"
    if isinstance(text, str):
        return text + ("" if text.endswith("\n") else "\n") + ending
    if isinstance(text, Segments):
        return Segments((*text.parts, "\n" + ending))
    return lambda values: text(values) + "\n" + ending


def below_html(html: Content, line: str) -> Content:
    """The HTML with the line as its last paragraph, inside the body if it has one."""
    paragraph = str(Markup('<p style="{}">{}</p>').format(Markup(_STYLE), line))  # noqa: S704
    if isinstance(html, str):
        return _before_end(html, paragraph) or html + paragraph
    if isinstance(html, Segments):
        for at in range(len(html.parts) - 1, -1, -1):
            part = html.parts[at]
            if isinstance(part, str) and (changed := _before_end(part, paragraph)):
                return Segments((*html.parts[:at], changed, *html.parts[at + 1 :]))
        return Segments((*html.parts, paragraph))

    def merged(values: Mapping[str, object]) -> str:
        whole = html(values)
        return _before_end(whole, paragraph) or whole + paragraph

    return merged


def _before_end(html: str, paragraph: str) -> str | None:
    """The paragraph in front of the last `</body>`; None if there is no such end."""
    at = html.lower().rfind("</body")
    return None if at < 0 else html[:at] + paragraph + html[at:]
