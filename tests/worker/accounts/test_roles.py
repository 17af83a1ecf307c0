"""Need to know (PR-5): what each role may do, cell by cell."""

from __future__ import annotations

import pytest

from worker.accounts.roles import ROLES_FOR, Permission, Role, may, permissions_of

READS = {permission for permission in Permission if permission.startswith("read:")}

MATRIX = {
    Role.CLERK: {
        "read:cases",
        "read:memberships",
        "read:contacts",
        "read:reports",
        "read:policies",
        "write:memberships",
        "write:events",
        "write:claims",
        "write:preparations",
        "write:stop",
    },
    Role.APPROVER: {
        "read:cases",
        "read:memberships",
        "read:contacts",
        "read:reports",
        "read:policies",
        "write:preparations",
        "write:approvals",
        "write:waivers",
        "write:retries",
        "write:stop",
        "write:resume",
    },
    Role.AUDITOR: {
        "read:cases",
        "read:memberships",
        "read:contacts",
        "read:reports",
        "read:policies",
        "read:audit",
    },
    Role.PRIVACY: {"read:exports", "write:rights"},
}


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("permission", Permission)
def test_every_cell_of_roles_and_permissions_is_as_written_here(role: Role, permission: Permission) -> None:
    assert may([role], permission) is (permission in MATRIX[role])


def test_every_permission_belongs_to_somebody() -> None:
    assert set(ROLES_FOR) == set(Permission)
    assert all(ROLES_FOR.values())


def test_a_clerk_never_approves_and_who_approves_never_prepares() -> None:
    decides = {Permission.WRITE_APPROVALS, Permission.WRITE_WAIVERS, Permission.WRITE_RETRIES, Permission.WRITE_RESUME}
    prepares = {Permission.WRITE_MEMBERSHIPS, Permission.WRITE_EVENTS, Permission.WRITE_CLAIMS}

    assert not permissions_of([Role.CLERK]) & decides
    assert not permissions_of([Role.APPROVER]) & prepares


def test_an_auditor_changes_nothing() -> None:
    assert permissions_of([Role.AUDITOR]) <= READS


def test_several_roles_add_up_and_none_allows_nothing() -> None:
    both = permissions_of([Role.CLERK, Role.PRIVACY])

    assert both == permissions_of([Role.CLERK]) | permissions_of([Role.PRIVACY])
    assert permissions_of([]) == frozenset()
