"""Who asks, and whether they may: a token in the Authorization header, and the scope that an address needs."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Annotated

import structlog
from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, SecurityScopes

from worker.accounts.roles import Permission
from worker.accounts.tokens import TokenError, holder
from worker.runtime import Runtime
from worker.store.tokens import Token
from worker.web.api.problems import Refused

BAD_TOKENS_MAX = 20
BAD_TOKENS_S = 60.0
SENDERS_MAX = 10_000

_log = structlog.get_logger(__name__)

bearer = HTTPBearer(
    auto_error=False,
    scheme_name="token",
    bearerFormat="mkg_…",
    description="A token of `makegood token add`. The scopes that an address needs stand beside it.",
)


class Doorman:
    """Counts bad tokens by sender, in this process. Nobody can guess one; this keeps somebody who tries from costing
    the database more than a few looks a minute. A good token is never refused for the bad ones of its neighbours."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._bad: dict[str, tuple[float, int]] = {}

    def bad(self, sender: str) -> int | None:
        """Note a bad token; the seconds to wait, where there were too many of them."""
        now = self._clock()
        since, count = self._bad.get(sender, (now, 0))
        if now - since >= BAD_TOKENS_S:
            since, count = now, 0
        if len(self._bad) >= SENDERS_MAX:
            self._bad.clear()
        self._bad[sender] = (since, count + 1)
        return None if count < BAD_TOKENS_MAX else max(1, int(since + BAD_TOKENS_S - now) + 1)


def runtime_of(request: Request) -> Runtime:
    found: Runtime = request.app.state.runtime
    return found


def ring_of(request: Request) -> Callable[[], None]:
    found: Callable[[], None] = request.app.state.ring
    return found


def caller(
    request: Request,
    needed: SecurityScopes,
    given: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
) -> Token:
    """The token that asks, which has the scopes that are needed."""
    challenge = {"www-authenticate": 'Bearer realm="makegood"'}
    if given is None:
        raise Refused(
            401, "no-token", "send Authorization: Bearer with a token of makegood token add", headers=challenge
        )
    try:
        token = holder(runtime_of(request), given.credentials)
    except TokenError as why:
        sender = request.client.host if request.client else ""
        wait_s = request.app.state.doorman.bad(sender)
        if wait_s is not None:
            said = "too many tokens that are none came from this address"
            raise Refused(429, "too-many", said, headers={"retry-after": str(wait_s)}) from None
        _log.warning("bad_token", why=str(why))
        raise Refused(401, "no-token", f"{why}: makegood token add makes one", headers=challenge) from None
    lacking = [scope for scope in needed.scopes if scope not in token.scopes]
    if lacking:
        raise _lacks(lacking[0])
    return token


def need(token: Token, permission: Permission) -> None:
    """Refuse where the token lacks a scope that only some requests to an address need."""
    if permission not in token.scopes:
        raise _lacks(permission)


def _lacks(scope: str) -> Refused:
    return Refused(403, "not-allowed", f"this token lacks the scope {scope}: makegood token add makes one that has it")


Runs = Annotated[Runtime, Depends(runtime_of)]
Ring = Annotated[Callable[[], None], Depends(ring_of)]
ReadsCases = Annotated[Token, Security(caller, scopes=[Permission.READ_CASES.value])]
ReadsMemberships = Annotated[Token, Security(caller, scopes=[Permission.READ_MEMBERSHIPS.value])]
ReadsExports = Annotated[Token, Security(caller, scopes=[Permission.READ_EXPORTS.value])]
ReadsAudit = Annotated[Token, Security(caller, scopes=[Permission.READ_AUDIT.value])]
ReadsReports = Annotated[Token, Security(caller, scopes=[Permission.READ_REPORTS.value])]
WritesMemberships = Annotated[Token, Security(caller, scopes=[Permission.WRITE_MEMBERSHIPS.value])]
WritesEvents = Annotated[Token, Security(caller, scopes=[Permission.WRITE_EVENTS.value])]
WritesClaims = Annotated[Token, Security(caller, scopes=[Permission.WRITE_CLAIMS.value])]
Prepares = Annotated[Token, Security(caller, scopes=[Permission.WRITE_PREPARATIONS.value])]
Approves = Annotated[Token, Security(caller, scopes=[Permission.WRITE_APPROVALS.value])]
Waives = Annotated[Token, Security(caller, scopes=[Permission.WRITE_WAIVERS.value])]
Retries = Annotated[Token, Security(caller, scopes=[Permission.WRITE_RETRIES.value])]
Stops = Annotated[Token, Security(caller, scopes=[Permission.WRITE_STOP.value])]
Resumes = Annotated[Token, Security(caller, scopes=[Permission.WRITE_RESUME.value])]
WritesRights = Annotated[Token, Security(caller, scopes=[Permission.WRITE_RIGHTS.value])]
