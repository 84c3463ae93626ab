"""The mailbox's page: what arrived, by which server, and each mail as text, HTML and source."""

from __future__ import annotations

from flask import Blueprint, Flask, Response, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from portal.commands.mailbox.shelf import Mail, Shelf
from portal.core.schema import PROJECT

HOSTS = ("localhost", "127.0.0.1", "[::1]")

POLICY = (
    "default-src 'none'; style-src 'self'; font-src 'self'; img-src 'self' data:; "
    "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# A mail's own page: nothing runs, nothing is fetched, it belongs to no origin.
MAIL_POLICY = (
    "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)


def make_page(shelf: Shelf, doors: list[str]) -> Flask:
    """The application that shows this shelf."""
    app = Flask(
        "mailbox",
        root_path=str(PROJECT),
        template_folder="templates/mailbox",
        static_folder="static",
    )
    pages = Blueprint("mailbox", __name__)

    def mail_or_404(number: int) -> Mail:
        mail = shelf.find(number)
        if mail is None:
            abort(404)
        return mail

    @pages.before_request
    def only_from_this_machine() -> None:
        # A name that somebody pointed to 127.0.0.1 must not read the mails through a browser.
        if request.host.rsplit(":", 1)[0] not in HOSTS:
            abort(404)

    @pages.get("/")
    def mails() -> str:
        return render_template("mails.html", mails=shelf.newest_first(), doors=doors)

    @pages.get("/<int:number>")
    def mail(number: int) -> str:
        return render_template("mail.html", mail=mail_or_404(number))

    @pages.get("/<int:number>/html")
    def html(number: int) -> Response:
        body = mail_or_404(number).body("html")
        if body is None:
            abort(404)
        response = Response(body, mimetype="text/html")
        response.headers["Content-Security-Policy"] = MAIL_POLICY
        return response

    @pages.get("/<int:number>/source")
    def source(number: int) -> Response:
        return Response(mail_or_404(number).raw, mimetype="text/plain")

    @pages.post("/clear")
    def clear() -> AnyResponse:
        if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
            abort(403)
        shelf.clear()
        return redirect(url_for(".mails"))

    @pages.after_request
    def protect(response: Response) -> Response:
        response.headers.setdefault("Content-Security-Policy", POLICY)
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["Cache-Control"] = "no-store"
        return response

    app.register_blueprint(pages)
    return app
