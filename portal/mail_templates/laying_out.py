"""HTML laid out as text by Inscriptis, which is loaded only where that is done."""

from __future__ import annotations

from inscriptis import get_text
from inscriptis.model.config import ParserConfig
from inscriptis.model.css import CssParse
from inscriptis.model.html_element import HtmlElement


def _style(value: str, element: HtmlElement) -> None:
    """Of a style only what shows or hides: a margin may be a hundred thousand lines wide."""
    for part in value.lower().split(";"):
        name, _colon, setting = (piece.strip() for piece in part.partition(":"))
        if name == "display":
            CssParse.attr_display(setting, element)
        elif name == "white-space":
            CssParse.attr_white_space(setting, element)


def _for_text() -> ParserConfig:
    config = ParserConfig(display_links=True)
    config.attribute_handler.attribute_mapping = {
        **config.attribute_handler.attribute_mapping, "style": _style
    }  # fmt: skip
    return config


_TO_TEXT = _for_text()


def laid_out(html: str) -> str:
    """Lines as a reader of the HTML would see them."""
    text: str = get_text(html, _TO_TEXT)
    return text
