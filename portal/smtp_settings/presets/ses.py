"""Amazon SES: the SMTP endpoints there are, and how the name of another one is built.

Pure: no database, no clock, no network.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from portal.core.errors import Refusal
from portal.core.words import _

_REGION = re.compile(r"[a-z]{2}(-gov)?-(central|(north|south)(east|west)?|east|west)-[1-9]")

WITHOUT_SMTP = frozenset(
    # SES works there, but only through its API: the SMTP names do not resolve.
    {"af-south-1", "ap-southeast-3", "eu-central-2", "eu-south-1", "me-south-1"}
)

FIPS_REGIONS = frozenset({"us-east-1", "us-gov-west-1", "us-west-2"})


def ses_host(region: str, *, is_fips: bool = False) -> str:
    """The SMTP host of a region such as `eu-west-1`.

    Refuses what is no region of the commercial or GovCloud partitions (those of China have no
    SES), and regions known to have no such host. `is_fips`: the endpoint with FIPS 140 modules.
    Source: https://docs.aws.amazon.com/general/latest/gr/ses.html
    """
    if not _REGION.fullmatch(region) or region.startswith("cn-"):
        raise Refusal(
            "no_such_region",
            _("This is not the name of an AWS region. Write it like eu-west-1."),
            field="region",
        )
    if region in WITHOUT_SMTP or (is_fips and region not in FIPS_REGIONS):
        raise Refusal(
            "region_without_smtp",
            _(
                "Amazon SES has no SMTP endpoint in %(region)s. Choose another region.",
                region=region,
            ),
            field="region",
        )
    return f"email-smtp{'-fips' if is_fips else ''}.{region}.amazonaws.com"


@dataclass(frozen=True, slots=True)
class SesEndpoint:
    region: str
    name: str  # as AWS calls it
    is_fips: bool = False

    @property
    def host(self) -> str:
        return ses_host(self.region, is_fips=self.is_fips)


SES_ENDPOINTS = (
    SesEndpoint("us-east-1", "US East (N. Virginia)"),
    SesEndpoint("us-east-2", "US East (Ohio)"),
    SesEndpoint("us-west-1", "US West (N. California)"),
    SesEndpoint("us-west-2", "US West (Oregon)"),
    SesEndpoint("ap-south-1", "Asia Pacific (Mumbai)"),
    SesEndpoint("ap-northeast-1", "Asia Pacific (Tokyo)"),
    SesEndpoint("ap-northeast-2", "Asia Pacific (Seoul)"),
    SesEndpoint("ap-northeast-3", "Asia Pacific (Osaka)"),
    SesEndpoint("ap-southeast-1", "Asia Pacific (Singapore)"),
    SesEndpoint("ap-southeast-2", "Asia Pacific (Sydney)"),
    SesEndpoint("ca-central-1", "Canada (Central)"),
    SesEndpoint("eu-central-1", "Europe (Frankfurt)"),
    SesEndpoint("eu-west-1", "Europe (Ireland)"),
    SesEndpoint("eu-west-2", "Europe (London)"),
    SesEndpoint("eu-west-3", "Europe (Paris)"),
    SesEndpoint("eu-north-1", "Europe (Stockholm)"),
    SesEndpoint("sa-east-1", "South America (São Paulo)"),
    SesEndpoint("us-gov-west-1", "AWS GovCloud (US-West)"),
    SesEndpoint("us-gov-east-1", "AWS GovCloud (US-East)"),
    SesEndpoint("us-east-1", "US East (N. Virginia), FIPS", is_fips=True),
    SesEndpoint("us-west-2", "US West (Oregon), FIPS", is_fips=True),
)
"""The 17 commercial regions with SMTP, the two of GovCloud, and two FIPS endpoints."""
