"""Trying a server: the live session as a list of stages, told while it happens or at its end.

A browser with JavaScript asks for a stream of lines, each a JSON object with a piece of the page;
without it the same pieces come at once, in the whole page.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from flask import Response, current_app, g, render_template, request, stream_with_context
from flask_babel import gettext as _

from portal.config import Config
from portal.core.errors import Refusal
from portal.domains import signing
from portal.mail_templates import templates
from portal.mail_templates.models import TemplateText
from portal.outbox.preview import desk_of, preview
from portal.senders.senders import SenderValues
from portal.smtp.addresses import AddressError, Mailbox, parse_address
from portal.smtp.egress import EgressPolicy
from portal.smtp.name_lookup import SystemResolver
from portal.smtp.replies import Stage
from portal.smtp.target import Target
from portal.smtp_settings import probe, rations
from portal.smtp_settings.presets import PRESETS, Advice
from portal.smtp_settings.probe import Attempt, Finding, Letter, StageReport, StageState
from portal.smtp_settings.targets import policy_for
from portal.web.smtp_servers.forms import TestFields

STREAM = "application/x-ndjson"
_SHOWN_AS = {
    Stage.EHLO: Stage.GREETING,
    Stage.STARTTLS: Stage.TLS,
    Stage.RCPT: Stage.BODY,
    Stage.DATA: Stage.BODY,
}
"""Stages that are no news when they go well, and where they are shown when they fail."""


@dataclass(frozen=True, slots=True)
class Line:
    """One stage as it stands in the list."""

    stage: Stage
    label: str
    state: str  # good, bad, wait, or skipped: never reached
    report: StageReport | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What the panel shows at one moment; without a finding the session is still going on."""

    lines: Sequence[Line]
    finding: Finding | None = None
    advice: Sequence[Advice] = ()
    letter_to: str = ""

    @property
    def failure(self) -> StageReport | None:
        return self.finding.failure if self.finding else None


def attempt(
    form: TestFields,
    texts: Sequence[TemplateText],
    target: Target,
    sender: SenderValues,
    preset: str,
) -> Attempt:
    """What to try, counted against what one person may try. The caller commits.

    Raises:
        Refusal: the recipient is no address, the text cannot be merged, or there were too many.
    """
    tried = attempt_to_save(target, sender, preset)
    if not form.recipient.data:
        return tried
    letter = _letter(form, texts, Mailbox(parse_address(sender.email), sender.name))
    return replace(tried, letter=_signed(letter, preset))


def attempt_to_save(target: Target, sender: SenderValues, preset: str) -> Attempt:
    """The same without a message, whoever stands in the form as its recipient: saving sends none.

    Raises:
        Refusal: the sender is no address, or there were too many.
    """
    rations.count_connection(g.person)
    return Attempt(target, parse_address(sender.email), None, preset)


def _letter(form: TestFields, texts: Sequence[TemplateText], from_: Mailbox) -> Letter:
    try:
        to = parse_address(form.recipient.data)
    except AddressError as fault:
        raise Refusal(fault.code, fault.words, field="recipient") from None
    rations.count_message(g.person, to)
    text = next((one for one in texts if str(one.id) == form.letter.data), None)
    seed = secrets.token_hex(16)
    try:
        if text is None:
            return probe.letter(
                from_,
                to,
                subject=_("Test message from %(place)s", place=g.site.brand.name),
                text=_(
                    "This message was sent to try an SMTP server. It has arrived, so the server "
                    "works.\n"
                ),
                seed=seed,
            )
        wording = templates.wording_for_mail(text)
        samples = text.version.template.samples
        words = preview(desk_of(g.white_label), text.language, wording, typed=samples).in_full()
        return probe.letter(
            from_, to, subject=words.subject, text=words.text, html=words.html, seed=seed
        )
    except Refusal as refusal:
        raise Refusal(refusal.code, refusal.words, field="letter") from None


def _signed(letter: Letter, preset: str) -> Letter:
    """As other mail of this sender leaves: signed, if the white label has a key for its domain."""
    if g.white_label is None:
        return letter
    rewritten = PRESETS[preset].rewrites if preset in PRESETS else ()
    data = signing.signed(
        g.white_label.id,
        letter.data,
        from_email=letter.mail_from,
        but=frozenset(name.encode() for name in rewritten),
    )
    return replace(letter, data=data)


def run(attempt: Attempt) -> Finding:
    """The session, to its end. No transaction may be open."""
    return probe.run_through(attempt, policy=_policy(), resolver=SystemResolver())


def wants_stream() -> bool:
    """Whether the page itself asks, and shows what comes as it comes."""
    return request.accept_mimetypes.best == STREAM


def stream(
    attempt: Attempt, *, advice: Sequence[Advice] = (), after: Callable[[Finding], None]
) -> Response:
    """The panel, each stage as it is over, and the panel again as it ends.

    `after` is called with the finding before that is told; it commits what it writes.
    """

    def lines() -> Iterator[str]:
        yield _line(panel=_panel(Result(lines_of(attempt, ()))))
        for told in probe.watch(attempt, policy=_policy(), resolver=SystemResolver()):
            if isinstance(told, StageReport):
                yield _line(stage=_shown(told.stage), html=_stage(_line_of(told)))
                continue
            after(told)
            yield _line(panel=_panel(result_of(attempt, told, advice)), end="yes")

    answer = Response(stream_with_context(lines()), content_type=STREAM)
    answer.headers["X-Accel-Buffering"] = "no"  # a proxy must not keep it until it is whole
    return answer


def result_of(attempt: Attempt, finding: Finding, advice: Sequence[Advice] = ()) -> Result:
    """What to show when the session is over."""
    return Result(
        lines_of(attempt, finding.reports, is_over=True),
        finding,
        advice,
        attempt.letter.rcpt_to if attempt.letter else "",
    )


def lines_of(
    attempt: Attempt, reports: Sequence[StageReport], *, is_over: bool = False
) -> list[Line]:
    """Every stage in order: those that are over, and those that are still to come or never came."""
    # A failure replaces what went well at the same place before.
    by_stage = {_shown(report.stage): report for report in reports}
    lines = []
    for stage in probe.stages_of(attempt):
        if (over := by_stage.pop(stage, None)) is not None:
            lines.append(_line_of(over))
        else:
            state = "skipped" if is_over else "wait"
            lines.append(Line(stage, probe.stage_label(stage), state))
    return [*lines, *map(_line_of, by_stage.values())]


def _line_of(report: StageReport) -> Line:
    state = "bad" if report.state is StageState.FAILED else "good"
    return Line(_shown(report.stage), report.label, state, report)


def _shown(stage: Stage) -> Stage:
    return _SHOWN_AS.get(stage, stage)


def _line(**pieces: str) -> str:
    return json.dumps(pieces) + "\n"


def _panel(result: Result) -> str:
    return render_template("shared/servers/panel.html", result=result)


def _stage(line: Line) -> str:
    return render_template("shared/servers/stage.html", line=line)


def _policy() -> EgressPolicy:
    config: Config = current_app.config["LIVERY"]
    return policy_for(config)
