from uuid import uuid4

from tandem_kit.policy import EVERYWHERE, Caller, Grant, Hat, Role, Scope, hats_of

LYON_HR = Grant(Role.SITE_HR, "lyon")


def test_whoever_holds_none_of_the_allowed_roles_is_denied() -> None:
    assert hats_of(Caller("ann", grants=frozenset({LYON_HR})), [Role.PROGRAMME_MANAGER]) == []
    assert hats_of(Caller("nobody"), list(Role)) == []


def test_a_role_at_a_site_reaches_that_site_alone() -> None:
    (hat,) = hats_of(Caller("ann", grants=frozenset({LYON_HR, Grant(Role.SITE_HR, "nice")})), [Role.SITE_HR])
    assert hat == Hat(Scope(frozenset({"lyon", "nice"})))
    assert hat.scope.allows("nice")
    assert not hat.scope.allows("brest")


def test_a_role_without_a_site_reaches_all() -> None:
    grants = frozenset({LYON_HR, Grant(Role.SITE_HR)})
    assert hats_of(Caller("ann", grants=grants), [Role.SITE_HR]) == [Hat(EVERYWHERE)]


def test_whoever_has_a_role_acts_in_it_first_and_else_for_themself() -> None:
    caller = Caller("ann", uuid4(), frozenset({LYON_HR, Grant(Role.EMPLOYEE)}))
    assert hats_of(caller, [Role.EMPLOYEE, Role.SITE_HR]) == [
        Hat(Scope(frozenset({"lyon"}))),
        Hat(EVERYWHERE, for_themself=True),
    ]
    assert hats_of(caller, [Role.EMPLOYEE]) == [Hat(EVERYWHERE, for_themself=True)]
