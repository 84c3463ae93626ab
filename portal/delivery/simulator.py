"""The simulator: addresses that behave as their name says, and nothing leaves.

    delivered@simulator.livery.example   taken
    deferred@simulator.livery.example    "come again later", each time
    bounced@simulator.livery.example     no such mailbox, as is any other name there

Pure: no database, no clock, no network.
"""

from __future__ import annotations

from portal.smtp.replies import Reply, Stage, Verdict, classify

_ANSWERS = {
    "delivered": (Stage.BODY, Reply(250, "2.0.0", ("Taken by the simulator",))),
    "deferred": (Stage.RCPT, Reply(451, "4.3.0", ("The simulator defers this address",))),
}
_BOUNCED = (Stage.RCPT, Reply(550, "5.1.1", ("The simulator knows no such mailbox",)))


def answer(email: str) -> tuple[Verdict, Stage]:
    """What a server would have said, and when."""
    name = email.partition("@")[0].partition("+")[0].lower()
    stage, reply = _ANSWERS.get(name, _BOUNCED)
    return classify(reply, stage), stage
