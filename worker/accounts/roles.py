"""Roles and what each may do (PR-5): one table that the console and the API both go by.

A permission reads like a scope, `read:…` or `write:…`, and is one: a person has the permissions of the role, a token
those that it was made with. What no role has (making users and tokens, settings) is done at the command line.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum


class Role(StrEnum):
    """What somebody is there for. A person may have several; four-eyes goes by the name, not by the role."""

    CLERK = "clerk"  # sees cases, prepares
    APPROVER = "approver"  # releases money
    AUDITOR = "auditor"  # reads all, changes nothing
    PRIVACY = "privacy"  # hands over and erases what is kept of a member


class Permission(StrEnum):
    """One kind of action. `write` is whatever changes something, or moves it."""

    READ_CASES = "read:cases"  # findings, remedies, claims, deliveries; why a charge was taken
    READ_MEMBERSHIPS = "read:memberships"  # the roster's rows, contact masked
    READ_CONTACTS = "read:contacts"  # names and addresses unmasked; each look is an audit entry
    READ_REPORTS = "read:reports"  # nights and their reports
    READ_POLICIES = "read:policies"
    READ_AUDIT = "read:audit"
    READ_EXPORTS = "read:exports"  # all that is kept of one member

    WRITE_MEMBERSHIPS = "write:memberships"  # roster rows, notices, changes
    WRITE_EVENTS = "write:events"  # a provider's events, from an export
    WRITE_CLAIMS = "write:claims"
    WRITE_PREPARATIONS = "write:preparations"  # propose a held remedy: somebody else then approves it
    WRITE_APPROVALS = "write:approvals"  # let a held remedy go
    WRITE_WAIVERS = "write:waivers"  # give up what is owed
    WRITE_RETRIES = "write:retries"  # send a refund that failed once more
    WRITE_STOP = "write:stop"  # no money leaves from now on
    WRITE_RESUME = "write:resume"
    WRITE_RIGHTS = "write:rights"  # correct, restrict or erase a member's data


_LOOKS = [Role.CLERK, Role.APPROVER, Role.AUDITOR]

ROLES_FOR: Mapping[Permission, frozenset[Role]] = {
    permission: frozenset(roles)
    for permission, roles in {
        Permission.READ_CASES: _LOOKS,
        Permission.READ_MEMBERSHIPS: _LOOKS,
        Permission.READ_CONTACTS: _LOOKS,
        Permission.READ_REPORTS: _LOOKS,
        Permission.READ_POLICIES: _LOOKS,
        Permission.READ_AUDIT: [Role.AUDITOR],
        Permission.READ_EXPORTS: [Role.PRIVACY],
        Permission.WRITE_MEMBERSHIPS: [Role.CLERK],
        Permission.WRITE_EVENTS: [Role.CLERK],
        Permission.WRITE_CLAIMS: [Role.CLERK],
        Permission.WRITE_PREPARATIONS: [Role.CLERK, Role.APPROVER],
        Permission.WRITE_APPROVALS: [Role.APPROVER],
        Permission.WRITE_WAIVERS: [Role.APPROVER],
        # A small refund that failed is sent again by one person: that is an approval.
        Permission.WRITE_RETRIES: [Role.APPROVER],
        # Whoever sees something go wrong may stop it; letting it go on is a decision about money.
        Permission.WRITE_STOP: [Role.CLERK, Role.APPROVER],
        Permission.WRITE_RESUME: [Role.APPROVER],
        Permission.WRITE_RIGHTS: [Role.PRIVACY],
    }.items()
}


def permissions_of(roles: Collection[Role]) -> frozenset[Permission]:
    """All that somebody with these roles may do."""
    return frozenset(permission for permission, allowed in ROLES_FOR.items() if not allowed.isdisjoint(roles))


def may(roles: Collection[Role], permission: Permission) -> bool:
    """Whether one of the roles allows it."""
    return not ROLES_FOR[permission].isdisjoint(roles)
