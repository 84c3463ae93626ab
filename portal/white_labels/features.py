"""Features: what the platform's owner can switch on, for everybody or for single white labels.

A feature is off until somebody switches it on. What that does to the things that use it (servers
that are parked, for one) is the affair of the rooms above: `portal.delivery.enabling`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, delete, or_, select, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.accounts.models import Person
from portal.audit import trail
from portal.core import clock
from portal.core.db import Model, UtcTime, db, enum_of
from portal.core.errors import NotFound
from portal.core.words import Words, _, lazy
from portal.white_labels.models import WhiteLabel


class Feature(StrEnum):
    OAUTH_SMTP = "oauth_smtp"  # SMTP servers that are signed in to by access token (Bearer)


class Place(StrEnum):
    EVERYWHERE = "everywhere"  # the platform and every white label, also those to come
    PLATFORM = "platform"  # the platform's own things
    WHITE_LABEL = "white_label"  # one white label


class FeatureSwitch(Model):
    """A feature that is on somewhere. No row: off."""

    __tablename__ = "feature_switch"
    __table_args__ = (
        UniqueConstraint("feature", "white_label_id"),
        Index(
            "uq_feature_switch_feature_place",
            "feature",
            "place",
            unique=True,
            sqlite_where=text("white_label_id IS NULL"),
            postgresql_where=text("white_label_id IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    feature: Mapped[Feature] = mapped_column(enum_of(Feature))
    place: Mapped[Place] = mapped_column(enum_of(Place))
    white_label_id: Mapped[int | None] = mapped_column(ForeignKey("white_label.id"))
    switched_on_at: Mapped[datetime] = mapped_column(UtcTime)
    switched_on_by: Mapped[str] = mapped_column(String(254))


@dataclass(frozen=True, slots=True)
class About:
    """What a feature is, for whoever decides about it."""

    name: Words
    does: Words  # in one sentence
    needs: tuple[Words, ...]  # what it takes besides the switch
    off: Words  # what switching it off does to those who use it


FEATURES: Mapping[Feature, About] = MappingProxyType(
    {
        Feature.OAUTH_SMTP: About(
            name=lazy("OAuth enablement for SMTP"),
            does=lazy(
                "SMTP servers may use the authentication type Bearer: instead of a password they "
                "sign in with an access token that Microsoft gives out for an hour at a time."
            ),
            needs=(
                lazy(
                    "An app registration at Microsoft for each mailbox tenant: client ID, tenant "
                    "ID and a client secret, which its administrator makes."
                ),
                lazy("This platform must reach Microsoft's sign-in service over HTTPS."),
            ),
            off=lazy(
                "Servers that use it are parked: their mail waits and is not lost, and goes on "
                "its way when the feature is switched on again or the server signs in by password."
            ),
        )
    }
)


@dataclass(frozen=True, slots=True)
class Reach:
    """Where a feature is on."""

    is_everywhere: bool = False
    is_for_platform: bool = False
    white_labels: frozenset[int] = frozenset()

    def includes(self, white_label_id: int | None) -> bool:
        """Whether it is on for this white label, or for the platform itself (None)."""
        if self.is_everywhere:
            return True
        if white_label_id is None:
            return self.is_for_platform
        return white_label_id in self.white_labels

    def switched(self, place: Place, white_label_id: int | None, *, on: bool) -> Reach:
        """The same, but for one place."""
        match place:
            case Place.EVERYWHERE:
                return replace(self, is_everywhere=on)
            case Place.PLATFORM:
                return replace(self, is_for_platform=on)
            case Place.WHITE_LABEL:
                assert white_label_id is not None
                own = frozenset({white_label_id})
                others = self.white_labels - own
                return replace(self, white_labels=others | own if on else others)

    @property
    def is_nowhere(self) -> bool:
        return not (self.is_everywhere or self.is_for_platform or self.white_labels)


NOWHERE = Reach()
EVERYWHERE = Reach(is_everywhere=True)


def feature_named(key: str) -> Feature:
    """The feature of this key.

    Raises:
        NotFound: there is none.
    """
    try:
        return Feature(key)
    except ValueError:
        raise NotFound(_("feature")) from None


def is_on(feature: Feature, white_label_id: int | None) -> bool:
    """Whether it is on for a white label, or for the platform's own things (None)."""
    own = (
        FeatureSwitch.white_label_id == white_label_id
        if white_label_id is not None
        else FeatureSwitch.place == Place.PLATFORM
    )
    query = select(FeatureSwitch.id).where(
        FeatureSwitch.feature == feature, or_(FeatureSwitch.place == Place.EVERYWHERE, own)
    )
    return db.session.scalar(query.limit(1)) is not None


def switches_of(feature: Feature) -> Sequence[FeatureSwitch]:
    """Where it is on, and since when."""
    query = select(FeatureSwitch).where(FeatureSwitch.feature == feature)
    return db.session.scalars(query.order_by(FeatureSwitch.id)).all()


def reach_of(feature: Feature) -> Reach:
    """Where it is on."""
    places = {(one.place, one.white_label_id) for one in switches_of(feature)}
    return Reach(
        is_everywhere=(Place.EVERYWHERE, None) in places,
        is_for_platform=(Place.PLATFORM, None) in places,
        white_labels=frozenset(one for _place, one in places if one is not None),
    )


def set_reach(feature: Feature, reach: Reach, *, by: Person | None) -> bool:
    """Switch it on exactly there and off everywhere else; whether that changed anything.

    Everybody concerned finds it in the audit trail: a white label what was decided about it, the
    platform's owner all of it.

    Args:
        by: None is the operator.
    """
    before = reach_of(feature)
    if before == reach:
        return False
    _remove(feature, reach)
    _add(feature, before, reach, by=by)
    db.session.flush()

    action = "feature.switched"
    told = f"feature {feature.value}"
    trail.record(None, action, told, {"where": [_words(before), _words(reach)]})
    for white_label_id in sorted(before.white_labels ^ reach.white_labels):
        is_new = white_label_id in reach.white_labels
        trail.record(white_label_id, action, told, {"switched_on": is_new})
    return True


def _remove(feature: Feature, reach: Reach) -> None:
    for one in switches_of(feature):
        wanted = {
            Place.EVERYWHERE: reach.is_everywhere,
            Place.PLATFORM: reach.is_for_platform,
            Place.WHITE_LABEL: one.white_label_id in reach.white_labels,
        }
        if not wanted[one.place]:
            db.session.execute(delete(FeatureSwitch).where(FeatureSwitch.id == one.id))
            db.session.expunge(one)


def _add(feature: Feature, before: Reach, reach: Reach, *, by: Person | None) -> None:
    new: list[tuple[Place, int | None]] = []
    if reach.is_everywhere and not before.is_everywhere:
        new.append((Place.EVERYWHERE, None))
    if reach.is_for_platform and not before.is_for_platform:
        new.append((Place.PLATFORM, None))
    white_labels = sorted(reach.white_labels - before.white_labels)
    new += [(Place.WHITE_LABEL, white_label_id) for white_label_id in white_labels]
    db.session.add_all(
        FeatureSwitch(
            feature=feature,
            place=place,
            white_label_id=white_label_id,
            switched_on_at=clock.now(),
            switched_on_by=by.name if by else "",
        )
        for place, white_label_id in new
    )


def _words(reach: Reach) -> str:
    """For the audit trail."""
    if reach.is_everywhere:
        return "everywhere"
    places = ["platform"] if reach.is_for_platform else []
    slugs = select(WhiteLabel.slug).where(WhiteLabel.id.in_(reach.white_labels))
    places += db.session.scalars(slugs.order_by(WhiteLabel.slug))
    return ", ".join(places) or "nowhere"
