"""What every page must be, whatever it is about.

A test visitor calls `review` on each page that it sees, so that a page nobody thought of testing
for these things is tested for them as soon as any test walks across it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from urllib.parse import urljoin, urlsplit

from flask import Flask
from lxml import html
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect
from werkzeug.test import TestResponse

from portal.web.site import site_at

HEADERS = {
    "Content-Security-Policy": "default-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=()",
    "Cache-Control": "no-store",
}
UNLABELLED = "not(@type='hidden' or @type='submit' or @type='button' or @type='image')"


def review(
    app: Flask, host: str, path: str, response: TestResponse, page: html.HtmlElement
) -> None:
    """Fail with every fault of this page at once."""
    faults = [
        *_headers(response),
        *_outline(page),
        *_ids(page),
        *_controls(page),
        *_inline(page),
        *_forms(app, host, path, page),
        *_links(app, host, path, page),
        *_platform_name(app, host, page),
    ]
    assert not faults, f"{path} at {host}:\n" + "\n".join(f"  {fault}" for fault in faults)


def _headers(response: TestResponse) -> Iterator[str]:
    for name, beginning in HEADERS.items():
        value = response.headers.get(name, "")
        if not value.startswith(beginning):
            yield f"header {name} is {value!r}"
    policy = response.headers.get("Content-Security-Policy", "")
    for word in ("unsafe-inline", "unsafe-eval", "http:", "https:", "*", "data:"):
        if word in policy:
            yield f"the content security policy allows {word}"


def _outline(page: html.HtmlElement) -> Iterator[str]:
    if not page.get("lang"):
        yield "no language"
    if not page.xpath("normalize-space(//head/title)"):
        yield "no title"
    headings = [int(heading.tag[1]) for heading in page.xpath("//h1|//h2|//h3|//h4|//h5|//h6")]
    if headings.count(1) != 1:
        yield f"{headings.count(1)} h1"
    if not page.xpath("//main"):
        yield "no main part"


def _ids(page: html.HtmlElement) -> Iterator[str]:
    ids = Counter(page.xpath("//@id"))
    for name, count in ids.items():
        if count > 1:
            yield f"id {name!r} stands {count} times"
    for attribute in ("for", "aria-describedby", "aria-labelledby", "aria-controls", "data-copy"):
        for names in page.xpath(f"//@{attribute}"):
            for name in names.split():
                if name not in ids:
                    yield f"{attribute} names {name!r}, which is not there"


def _controls(page: html.HtmlElement) -> Iterator[str]:
    labelled = set(page.xpath("//label[normalize-space()]/@for"))
    for control in page.xpath(f"//input[{UNLABELLED}]|//select|//textarea"):
        is_inside_label = control.xpath("ancestor::label[normalize-space()]")
        if not (control.get("id") in labelled or control.get("aria-label") or is_inside_label):
            yield f"{control.tag} {control.get('name')!r} has no label"
    for control in page.xpath("//button|//a[@href]|//summary"):
        words = control.xpath("normalize-space(.)") or control.get("aria-label")
        if not (words or control.xpath(".//img[normalize-space(@alt)]")):
            yield f"{control.tag} without words: {control.get('href') or control.get('class')}"
    for image in page.xpath("//img[not(@alt)]"):
        yield f"image {image.get('src')!r} without alt"


def _inline(page: html.HtmlElement) -> Iterator[str]:
    if page.xpath("//style|//*[@style]"):
        yield "style inside the page"
    if page.xpath("//script[not(@src)]"):
        yield "script inside the page"
    for element in page.xpath("//*[@*[starts-with(name(), 'on')]]"):
        yield f"{element.tag} with an event attribute"


def _forms(app: Flask, host: str, path: str, page: html.HtmlElement) -> Iterator[str]:
    for form in page.xpath("//form"):
        method = form.get("method", "get").upper()
        actions = [form.get("action") or path, *form.xpath(".//@formaction")]
        for action in actions:
            if not _is_served(app, host, urljoin(path, action), method):
                yield f"form sends {method} to {action!r}, which is not served"
        if method == "POST" and not form.xpath(".//input[@name='csrf_token'][@value]"):
            yield f"form to {actions[0]!r} without a token"
        if not form.xpath(".//button[not(@type) or @type='submit']|.//input[@type='submit']"):
            yield f"form to {actions[0]!r} without a button"


def _links(app: Flask, host: str, path: str, page: html.HtmlElement) -> Iterator[str]:
    ids = set(page.xpath("//@id"))
    for link in page.xpath("//a/@href"):
        parts = urlsplit(link)
        if parts.scheme not in ("", "http", "https", "mailto"):
            yield f"link to {link!r}"
        elif parts.scheme in ("http", "https") and parts.hostname != host:
            continue  # somebody else's page
        elif not parts.path and parts.fragment:
            if parts.fragment not in ids:
                yield f"link to #{parts.fragment}, which is not there"
        elif parts.scheme != "mailto" and not _is_served(app, host, urljoin(path, link), "GET"):
            yield f"link to {link!r}, which is not served"


def _is_served(app: Flask, host: str, url: str, method: str) -> bool:
    try:
        app.url_map.bind(host).match(urlsplit(url).path, method=method)
    except RequestRedirect:
        return True
    except HTTPException:
        return False
    return True


def _platform_name(app: Flask, host: str, page: html.HtmlElement) -> Iterator[str]:
    """A white label's people never read whose platform they are on, but in mail as it left."""
    platform_host = urlsplit(app.config["LIVERY"].platform_origin).netloc
    if host == urlsplit(f"//{platform_host}").hostname:
        return
    with app.test_request_context(base_url=f"http://{host}"):
        here, platform = site_at(host), site_at(platform_host)
    if here is None or platform is None or here.brand.platform_name:
        return
    names = [platform.brand.name, "Livery"]
    read = " ".join(page.itertext())
    if any(name in read for name in names):
        # To ask each text where it stands takes much longer than to read them all.
        read = " ".join(page.xpath("//text()[not(ancestor::*[contains(@class, 'as-sent')])]"))
    for name in names:
        if name in read:
            yield f"the platform's name {name!r} stands in a white label's page"
