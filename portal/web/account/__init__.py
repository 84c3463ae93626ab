"""Pages about oneself: name, password, second factor, passkeys, signed-in browsers."""

from __future__ import annotations

from portal.web.account import confirm, passkeys, profile, second_factor, security
from portal.web.account.door import bp as bp

FAMILIES = (profile, security, second_factor, passkeys, confirm)
