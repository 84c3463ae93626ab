"""For whom a page is written: language, time zone, light or dark."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import cast
from zoneinfo import ZoneInfo

from babel import Locale
from flask import Flask, g, has_request_context, request
from flask_babel import (
    Babel,
    format_date,
    format_datetime,
    format_decimal,
    format_time,
    format_timedelta,
    get_babel,
    get_locale,
    gettext,
)
from flask_login import current_user
from markupsafe import Markup

from portal.accounts.models import Person
from portal.core import clock, words

TRANSLATIONS = Path(__file__).resolve().parents[1] / "translations"
SOURCE = "en"
THEMES = ("light", "dark")
THEME_COOKIE = "theme"
LANGUAGE_COOKIE = "language"


def open_reader(app: Flask) -> None:
    """Wire Flask-Babel to the person, else to the browser."""
    app.config.setdefault("BABEL_TRANSLATION_DIRECTORIES", str(TRANSLATIONS))
    Babel(app, locale_selector=language, timezone_selector=time_zone)
    words.set_translator(gettext)
    app.jinja_env.filters |= {
        "ago": ago,
        "exact": exact,
        "hour": hour,
        "day": format_date,
        "when": when,
        "number": format_decimal,
        "browser_name": browser_name,
        "script_name": script_name,
    }
    app.jinja_env.globals |= {"time": time_element, "theme": theme, "language": language}


def languages() -> dict[str, str]:
    """What there is a catalogue for, each in its own words: ``{"en": "English"}``."""
    there = {SOURCE, *(str(locale.language) for locale in get_babel().instance.list_translations())}
    return {code: (Locale(code).display_name or code).title() for code in sorted(there)}


def language() -> str:
    """The reader's language: as they chose, else as the browser asks."""
    if not has_request_context():
        return SOURCE
    person = reader()
    known = languages()
    if person is not None and person.language in known:
        return person.language
    return request.accept_languages.best_match(sorted(known), default=SOURCE) or SOURCE


def script_name(name: str) -> str:
    """A script of letters, told by its English name (Cyrillic), in the reader's language."""
    code = next((code for code, known in Locale(SOURCE).scripts.items() if known == name), "")
    return str((get_locale() or Locale(SOURCE)).scripts.get(code, name))


def time_zone() -> str:
    """The zone in which moments are written."""
    person = reader() if has_request_context() else None
    return person.time_zone if person else "UTC"


def theme() -> str:
    """``light``, ``dark``, or nothing for what the system has."""
    chosen = request.cookies.get(THEME_COOKIE, "")
    return chosen if chosen in THEMES else ""


def reader() -> Person | None:
    """Who is signed in, if anybody; never asked of the database on an unknown host."""
    if "site" not in g or g.get("reads_as_nobody") or not current_user.is_authenticated:
        return None
    return cast(Person, current_user.person)


def ago(moment: datetime) -> str:
    """``3 minutes ago`` or ``in 2 hours``."""
    distance = moment - clock.now()
    if abs(distance.total_seconds()) < 10:
        return str(gettext("just now"))
    return str(format_timedelta(distance, add_direction=True))


def when(moment: datetime) -> str:
    """The moment inside a sentence: ``at 14:02`` today, else with the day."""
    zone = ZoneInfo(time_zone())
    day, today = moment.astimezone(zone).date(), clock.now().astimezone(zone).date()
    if day == today:
        return str(gettext("at %(time)s", time=hour(moment)))
    return str(gettext("on %(day)s at %(time)s", day=format_date(moment), time=hour(moment)))


def hour(moment: datetime) -> str:
    """The time of day, as an axis shows it."""
    return str(format_time(moment, "short"))


def exact(moment: datetime) -> str:
    """The moment in the reader's zone and way of writing, with the zone's name."""
    return f"{format_datetime(moment, 'medium')} {moment.astimezone(ZoneInfo(time_zone())):%Z}"


_BROWSERS = (  # the more telling name first: Edge calls itself Chrome, and Chrome Safari
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


def browser_name(user_agent: str) -> str:
    """``Firefox, Linux`` from what a browser says of itself; what is not known stays as it is."""
    found = [
        next((name for mark, name in names if mark in user_agent), "")
        for names in (_BROWSERS, _SYSTEMS)
    ]
    return ", ".join(name for name in found if name) or user_agent[:60]


def time_element(moment: datetime | None, missing: str = "–") -> str:
    """A moment as readers want it: how long ago, and exactly for those who look closer."""
    if moment is None:
        return missing
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        moment.isoformat(timespec="seconds"), exact(moment), ago(moment)
    )
