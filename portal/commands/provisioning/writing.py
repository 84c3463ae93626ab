"""The texts of a document's templates, made ready to be stored: that takes time, so it is first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias

from portal.commands.provisioning.document import BadDocument, Source, TemplateTable, each
from portal.commands.provisioning.lines import Path
from portal.core.errors import Refusal
from portal.mail_templates import gallery
from portal.mail_templates.ready import ReadyText, make_ready
from portal.mail_templates.wordings import Wording

Texts: TypeAlias = Mapping[Path, Mapping[str, ReadyText]]
"""By the place of the template in the document, and by language."""


def write(source: Source) -> Texts:
    """Make every text ready, those of the gallery too; no transaction may be open.

    Raises:
        BadDocument: one of them cannot be merged or sent.
    """
    texts = {}
    for path, table in _templates(source):
        if table.start is not None:
            _begin(source, path, table.start)
        texts[path] = _versions(source, path, table)
    return texts


def _templates(source: Source) -> Iterator[tuple[Path, TemplateTable]]:
    yield from each(("templates",), source.document.templates)
    for path, tenant in each(("white_labels",), source.document.white_labels):
        yield from each((*path, "templates"), tenant.templates)


def _begin(source: Source, path: Path, start: str) -> None:
    """The gallery remembers what it has worked out once."""
    try:
        gallery.texts_of(gallery.find_start(start))
    except Refusal as refusal:
        raise BadDocument([source.fault((*path, "start"), refusal.words)]) from None


def _versions(source: Source, path: Path, table: TemplateTable) -> dict[str, ReadyText]:
    texts: dict[str, ReadyText] = {}
    for at, version in each((*path, "versions"), table.versions):
        if version.language in texts:
            raise BadDocument([source.fault((*at, "language"), "this language is here twice")])
        wording = Wording(version.subject, version.text, version.html)
        try:
            texts[version.language] = make_ready(version.language, wording)
        except Refusal as refusal:
            place = (*at, refusal.field) if refusal.field else at
            raise BadDocument([source.fault(place, refusal.words)]) from None
    return texts
