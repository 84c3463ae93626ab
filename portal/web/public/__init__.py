"""Pages for people who are not signed in: sign-in, forgotten password, links from mails."""

from __future__ import annotations

from portal.web.public import front, links, passkey, records, setup, sign_in, unsubscribe
from portal.web.public.door import bp as bp

FAMILIES = (front, sign_in, passkey, links, records, setup, unsubscribe)
