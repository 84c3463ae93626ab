"""Who may see what: every face denies by default, and a view says what it allows.

    bp = Blueprint("white_label", __name__)
    guard(bp, face=Face.WHITE_LABEL)

    @bp.get("/servers")            # signed in, an admin of this white label
    @bp.get("/compose")            # … agents too:
    @for_agents
    @bp.post("/servers/<id>")      # … who has proved a factor within 15 minutes:
    @confirmed

Decorators of this file stand below the route's.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from enum import StrEnum
from typing import Any, TypeVar

from flask import Blueprint, Flask, abort, current_app, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import LoginManager, UserMixin, current_user

from portal.accounts import sign_in as sign_ins
from portal.accounts.models import Person, Role, SignIn
from portal.audit.trail import Actor, acting
from portal.core.db import db, reading, writing
from portal.core.secret import Secret
from portal.web import confirmation

View = TypeVar("View", bound=Callable[..., Any])
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class Face(StrEnum):
    PUBLIC = "public"  # nobody is signed in
    ACCOUNT = "account"  # anybody who is signed in, about themselves
    WHITE_LABEL = "white_label"  # admins, and agents where a view says so
    BACKOFFICE = "backoffice"  # platform owners


class SignedIn(UserMixin):
    """What Flask-Login keeps: the person behind a live sign-in; its id is the cookie's token."""

    def __init__(self, sign_in: SignIn, token: Secret) -> None:
        self.sign_in = sign_in
        self.person: Person = sign_in.person
        self._token = token

    def get_id(self) -> str:
        return self._token.reveal()


login_manager = LoginManager()
# The row knows its host and is ended by its owner; a browser may change its address.
login_manager.session_protection = None


@login_manager.user_loader
def _signed_in(token: str) -> SignedIn | None:
    sign_in = sign_ins.find(Secret(token), host=g.site.host)
    if sign_in is None or sign_in.person.white_label_id != g.site.white_label_id:
        return None
    if g.site.is_suspended:
        return None
    return SignedIn(sign_in, Secret(token))


@login_manager.unauthorized_handler
def _ask_to_sign_in() -> ResponseReturnValue:
    if request.accept_mimetypes.best == "application/json":
        abort(401)
    if request.method in SAFE_METHODS:
        return redirect(url_for("public.sign_in", next=request.full_path.rstrip("?")))
    return redirect(url_for("public.sign_in"))


def for_agents(view: View) -> View:
    """Let agents in too; without it a page of a white label is for its admins."""
    view.for_agents = True  # type: ignore[attr-defined]
    return view


def confirmed(view: View) -> View:
    """Ask for a factor again if the last one is older than a quarter of an hour."""
    view.confirmed = True  # type: ignore[attr-defined]
    return view


def may_open(endpoint: str, person: Person) -> bool:
    """Whether this person's role opens this endpoint of the portal they are signed in to."""
    if person.role is not Role.AGENT or not endpoint.startswith(f"{Face.WHITE_LABEL}."):
        return True
    return getattr(current_app.view_functions[endpoint], "for_agents", False)


def would_admit(endpoint: str, token: Secret) -> bool:
    """Whether this token's person may open this endpoint here, asked before the guard is.

    The guard asks again: what was true before a long request was read may not be true after it.
    """
    if Face(endpoint.partition(".")[0]) in _elsewhere():
        return False
    with reading():
        signed_in = _signed_in(token.reveal())
        may = signed_in is not None and may_open(endpoint, signed_in.person)
        db.session.rollback()
    return may


def guard(bp: Blueprint, *, face: Face) -> None:
    """Put the guard before every view of this blueprint, those that are yet to be written too."""

    @bp.before_request
    def admit() -> ResponseReturnValue | None:
        g.held = held = ExitStack()
        held.enter_context(reading())
        answer = _admit(face)
        if answer is not None or face is Face.PUBLIC:
            _stop_reading_to_write()
            return answer

        held.enter_context(acting(Actor(g.person.email, g.person.id, request.remote_addr or "")))
        sign_ins.touch(g.sign_in)
        _stop_reading_to_write()
        view = current_app.view_functions[request.endpoint or ""]
        if getattr(view, "confirmed", False) and not sign_ins.is_confirmed(g.sign_in):
            return confirmation.ask()
        return None

    @bp.teardown_request
    def let_go(_error: BaseException | None) -> None:
        held = g.pop("held", None)
        if held is not None:
            db.session.rollback()
            held.close()


def _admit(face: Face) -> ResponseReturnValue | None:
    if face in _elsewhere():
        abort(404)
    if face is Face.PUBLIC:
        return None
    if not current_user.is_authenticated:
        answer: ResponseReturnValue = login_manager.unauthorized()
        return answer
    g.person, g.sign_in = current_user.person, current_user.sign_in
    if not may_open(request.endpoint or "", g.person):
        abort(403)
    return None


def _elsewhere() -> frozenset[Face]:
    """The faces that this host does not have."""
    if "site" not in g:
        return frozenset(Face) - {Face.PUBLIC}
    return frozenset({Face.WHITE_LABEL if g.site.is_platform else Face.BACKOFFICE})


def _stop_reading_to_write() -> None:
    """What the guard read without the write lock, a view that writes reads again with it."""
    if request.method in SAFE_METHODS:
        return
    db.session.rollback()
    g.held.enter_context(writing())


def open_guard(app: Flask) -> None:
    """Wire Flask-Login to sign-in rows."""
    # No `current_user` in templates: it would be loaded for error pages too, from a broken store.
    login_manager.init_app(app, add_context_processor=False)
