from uuid import uuid4

from tandem_kit.policy import Caller, Grant, Role, Scope, scope_of

LYON_HR = Grant(Role.SITE_HR, "lyon")


def test_whoever_holds_none_of_the_allowed_roles_is_denied() -> None:
    assert scope_of(Caller("ann", grants=frozenset({LYON_HR})), [Role.PROGRAMME_MANAGER]) is None
    assert scope_of(Caller("nobody"), list(Role)) is None


def test_a_role_at_a_site_reaches_that_site_alone() -> None:
    scope = scope_of(Caller("ann", grants=frozenset({LYON_HR, Grant(Role.SITE_HR, "nice")})), [Role.SITE_HR])
    assert scope == Scope(frozenset({"lyon", "nice"}))
    assert scope.allows("nice")
    assert not scope.allows("brest")


def test_a_role_without_a_site_reaches_all() -> None:
    grants = frozenset({LYON_HR, Grant(Role.SITE_HR)})
    assert scope_of(Caller("ann", grants=grants), [Role.SITE_HR]) == Scope(None)


def test_whoever_acts_in_a_role_does_not_reach_further_as_an_employee() -> None:
    caller = Caller("ann", uuid4(), frozenset({LYON_HR, Grant(Role.EMPLOYEE)}))
    assert scope_of(caller, [Role.EMPLOYEE, Role.SITE_HR]) == Scope(frozenset({"lyon"}))
    assert scope_of(caller, [Role.EMPLOYEE]) == Scope(None)
