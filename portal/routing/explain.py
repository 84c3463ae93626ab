"""A decision in words: one sentence for the answer, one for every candidate on the way.

Pure: no database, no clock, no network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

from portal.core.words import Words, _, lazy
from portal.routing.decide import By, Check, Decision, Facts, NoRoute, Route, Sandbox, Step
from portal.smtp.addresses import Mailbox

CANDIDATES: Mapping[By, Words] = {
    By.CHOSEN: lazy("The sender chosen for this message"),
    By.TEMPLATE: lazy("The template's preferred server"),
    By.AGENT: lazy("The agent's default sender"),
    By.OWNER: lazy("A custom server of the white label"),
    By.PLATFORM: lazy("The platform's server"),
    By.SANDBOX: lazy("The sandbox"),
}


@dataclass(frozen=True, slots=True)
class StepWords:
    """One line of the trace, ready to be shown."""

    candidate: str
    server: str
    sender: str
    is_used: bool
    code: str
    words: str


def answer(decision: Decision, facts: Facts) -> str:
    """The decision in one sentence."""
    if isinstance(decision, NoRoute):
        return refusal(decision.code, decision.step)
    if isinstance(decision, Sandbox):
        return _(
            "Nothing leaves: no enabled server is there for this mail, so the sandbox keeps it."
        )
    server = next(step for step in reversed(decision.trace) if step.server == decision.server)
    return _(
        "Leaves through %(server)s, from %(sender)s, because %(reason)s.",
        server=server.server_name,
        sender=str(decision.from_.address),
        reason=_reason(decision, server, facts),
    )


def answer_for_several(route: Route, facts: Facts, servers: Sequence[str]) -> str:
    """The same where more than one server would do, and each message draws one of them."""
    step = next(step for step in reversed(route.trace) if step.server == route.server)
    return _(
        "Leaves through one of %(servers)s, drawn for each message, because %(reason)s.",
        servers=", ".join(servers),
        reason=_reason(route, step, facts),
    )


def _reason(route: Route, step: Step, facts: Facts) -> str:
    return because(
        route.reason,
        owner=facts.owner_name,
        app=facts.app_name,
        configurer=step.configurer,
        is_portals_own=facts.white_label is None,
    )


def because(
    reason: str,
    *,
    owner: str = "",
    app: str = "",
    configurer: str = "",
    is_portals_own: bool = False,
) -> str:
    """Why a route was taken, as the end of a sentence; now, or from what a message remembers."""
    match reason:
        case By.CHOSEN:
            return _("this sender was chosen for the message")
        case By.TEMPLATE:
            return _("the template prefers this server")
        case By.AGENT:
            return _("it is the agent's default sender")
        case By.OWNER if app:
            return _("%(owner)s owns %(app)s and configured this server", owner=owner, app=app)
        case By.OWNER:
            return _("%(owner)s configured this server", owner=configurer or owner)
        case _ if is_portals_own:
            return _("the portal's own mail leaves through the platform")
        case _ if owner and not app:  # what a person writes
            return _("no server of %(owner)s can be used", owner=owner)
        case _:
            return _("no server of the app's owner can be used")


def reason_words(reason: str, owner: str) -> str:
    """Why a message took its way, from what is stored with it."""
    if reason not in list(By):
        return refusal(reason, None)
    match By(reason):
        case By.CHOSEN:
            return _("This sender was chosen for the message.")
        case By.TEMPLATE:
            return _("The template prefers this server.")
        case By.AGENT:
            return _("It is the agent's default sender.")
        case By.OWNER:
            return _("%(owner)s owns the app and configured this server.", owner=owner)
        case By.PLATFORM:
            return _("The platform's server carries what no custom server may carry.")
        case By.SANDBOX:
            return _("No enabled server was there, so the sandbox keeps it.")


_REFUSALS: Mapping[str, Words] = {
    "white_label_suspended": lazy("This white label is suspended; its mail waits."),
    Check.OTHER_WHITE_LABEL: lazy("That server does not belong to this white label."),
    Check.CUSTOM_SERVER_OFF: lazy(
        "This white label uses the platform's server; its own servers are switched off."
    ),
    Check.NOT_THE_OWNERS_SERVER: lazy(
        "A custom server is used only for apps of the person who configured it, "
        "and this app belongs to somebody else."
    ),
    Check.NOT_THE_WRITERS_SERVER: lazy(
        "Somebody else configured this server; what a person writes leaves through it only where "
        "its sender is chosen or is their default."
    ),
    Check.DISABLED: lazy("That server is switched off."),
    Check.NOT_VALIDATED: lazy("That server has never passed a live test."),
    Check.SENDER_REFUSED: lazy("That server refused to send from this address."),
    Check.NO_SENDER: lazy("That server has no sender address."),
    Check.FROM_NOT_ALLOWED: lazy(
        "This From address may not be used there: its domain is not allowed and verified."
    ),
    Check.DOMAIN_LAPSED: lazy(
        "The DNS records of the sender's domain are gone; its mail waits until they are back."
    ),
}


def refusal(code: str, step: Step | None) -> str:
    """Why there is no route, in words."""
    if code == Check.TOO_MANY_RECIPIENTS and step is not None:
        return _(
            "Too many recipients: %(server)s takes at most %(limit)s in one message, "
            "To, Cc and Bcc together.",
            server=step.server_name,
            limit=step.limit,
        )
    return str(_REFUSALS.get(code, lazy("There is no way out for this message.")))


def step_words(step: Step, *, owner: str = "") -> str:
    """What became of one candidate."""
    match step.check:
        case Check.PASSED if step.by is By.SANDBOX:
            return _("Used: nothing else was left.")
        case Check.PASSED:
            return _("Used.")
        case Check.WAITS_WHILE_PARKED:
            return _("Used, but the server is parked: the mail waits until it is mended.")
        case Check.NOT_DRAWN:
            return _("Would do too; the draw fell on another one.")
        case Check.PARKED:
            return _("Parked: it cannot send until it is mended.")
        case Check.NOT_THE_OWNERS_SERVER if step.configurer and owner:
            return _(
                "%(configurer)s configured this server, but the app belongs to %(owner)s.",
                configurer=step.configurer,
                owner=owner,
            )
        case _:
            return refusal(step.check, step)


def trace_words(trace: Sequence[Step], *, owner: str = "") -> list[StepWords]:
    """The whole way, candidate by candidate."""
    return [
        StepWords(
            candidate=str(CANDIDATES[step.by]),
            server=step.server_name,
            sender=step.sender,
            is_used=step.check in (Check.PASSED, Check.WAITS_WHILE_PARKED),
            code=step.check.value,
            words=step_words(step, owner=owner),
        )
        for step in trace
    ]


def to_json(trace: Sequence[Step]) -> list[dict[str, object]]:
    """The trace as it is stored with a message; what is empty is left out."""
    return [
        {field.name: value for field in fields(step) if (value := getattr(step, field.name))}
        for step in trace
    ]


def from_json(stored: Sequence[Mapping[str, object]]) -> tuple[Step, ...]:
    """A stored trace, back as steps."""
    return tuple(
        Step(**{**item, "by": By(str(item["by"])), "check": Check(str(item["check"]))})  # type: ignore[arg-type]
        for item in stored
    )


def mailbox_text(mailbox: Mailbox) -> str:
    """``Name <address>`` for pages and answers, not for headers."""
    return f"{mailbox.name} <{mailbox.address}>" if mailbox.name else str(mailbox.address)
