"""What mail programs need of a text: worked out once, taken over where nothing has changed."""

from __future__ import annotations

from collections.abc import Mapping

from portal.mail_templates.content import Prepared, prepared
from portal.mail_templates.models import TemplateText, TemplateVersion
from portal.mail_templates.wordings import Wording


def worked_out(version: TemplateVersion | None) -> Mapping[tuple[str, bool], Prepared]:
    """What a version has for mail programs, by its HTML and by whether a text was written."""
    return {
        (text.html, text.text is None): Prepared(text.inlined_html, text.derived_text)
        for text in (version.texts if version else ())
        if text.html and (text.inlined_html or text.derived_text)
    }


def text_of(
    language: str, wording: Wording, there: Mapping[tuple[str, bool], Prepared]
) -> TemplateText:
    """The row; what is not there yet is worked out now, which may take a tenth of a second."""
    for_mail = Prepared(None, None)
    if wording.html:
        known = there.get((wording.html, wording.text is None))
        for_mail = known or prepared(wording.html)
    return TemplateText(
        language=language,
        subject=wording.subject,
        text=wording.text,
        html=wording.html,
        inlined_html=for_mail.inlined,
        derived_text=for_mail.text if wording.text is None else None,
    )
