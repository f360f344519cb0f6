"""What surrounds every call: caller, deadline, policy, form, idempotency, errors in a person's words."""

import asyncio
from pathlib import Path
from uuid import UUID, uuid4

import grpc
import pytest
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from grpc_status import rpc_status
from sqlalchemy import func, select

from tandem.enrolment.v1 import service_pb2 as pb
from tandem.enrolment.v1 import types_pb2 as types
from tandem_cli.blueprints import read_blueprint
from tandem_cli.settings import ROOT
from tandem_cli.tokens import Signer, make_signing_key
from tandem_kit import tables
from tandem_kit.policy import Grant, Role
from tests.component.conftest import EnrolmentHouse

SITE = pb.RegisterSiteRequest(site="lyon", name="Lyon", time_zone="Europe/Paris")
MANAGER = Role.PROGRAMME_MANAGER


def reason_of(error: grpc.aio.AioRpcError) -> str:
    info = ErrorInfo()
    status = rpc_status.from_call(error)
    assert any(detail.Unpack(info) for detail in status.details)
    reason: str = info.reason
    return reason


def violations_of(error: grpc.aio.AioRpcError) -> dict[str, str]:
    bad = BadRequest()
    status = rpc_status.from_call(error)
    assert any(detail.Unpack(bad) for detail in status.details)
    return {violation.field: violation.description for violation in bad.field_violations}


async def test_a_call_without_a_token_or_with_a_strangers_is_unauthenticated(
    enrolment: EnrolmentHouse, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    make_signing_key(other)
    stranger = Signer(other).sign("mallory", Grant(MANAGER))
    for metadata in ([], [("authorization", "Bearer nonsense")], [("authorization", f"Bearer {stranger}")]):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await enrolment.stub.ListSites(pb.ListSitesRequest(), timeout=5, metadata=metadata)
        assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_whoever_lacks_the_role_is_denied(enrolment: EnrolmentHouse) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await enrolment.stub.RegisterSite(
            SITE, timeout=5, metadata=enrolment.as_staff(Role.SITE_HR, idempotency_key="k")
        )
    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED


async def test_a_call_without_a_deadline_is_refused(enrolment: EnrolmentHouse) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await enrolment.stub.ListSites(pb.ListSitesRequest(), metadata=enrolment.as_staff(MANAGER))
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert reason_of(refused.value) == "deadline_required"


async def test_a_command_without_an_idempotency_key_is_refused(enrolment: EnrolmentHouse) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await enrolment.stub.RegisterSite(SITE, timeout=5, metadata=enrolment.as_staff(MANAGER))
    assert reason_of(refused.value) == "idempotency_key_required"


async def test_a_request_is_refused_with_every_violation_in_the_callers_language(enrolment: EnrolmentHouse) -> None:
    request = pb.RegisterSiteRequest(site="Lyon!", time_zone="Europe/Paris")
    for language, told in (("fr-FR", "manque"), ("en", "is missing")):
        metadata = enrolment.as_staff(MANAGER, idempotency_key="k", accept_language=language)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await enrolment.stub.RegisterSite(request, timeout=5, metadata=metadata)
        assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        violations = violations_of(refused.value)
        assert set(violations) == {"site", "name"}
        assert violations["name"] == told


async def test_a_broken_rule_is_told_by_name_and_in_words(enrolment: EnrolmentHouse) -> None:
    await enrolment.stub.RegisterSite(SITE, timeout=5, metadata=enrolment.as_staff(MANAGER, idempotency_key="k"))
    metadata = enrolment.as_staff(MANAGER, idempotency_key="o", accept_language="fr")
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await enrolment.stub.OpenSite(pb.OpenSiteRequest(site="lyon"), timeout=5, metadata=metadata)
    assert refused.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert reason_of(refused.value) == "checklist_incomplete"
    assert "reste à faire" in (refused.value.details() or "")


async def test_what_is_not_there_or_not_within_reach_is_not_found(enrolment: EnrolmentHouse) -> None:
    await enrolment.stub.RegisterSite(SITE, timeout=5, metadata=enrolment.as_staff(MANAGER, idempotency_key="k"))
    for site, scope in (("nantes", None), ("lyon", "nantes")):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await enrolment.stub.OpenSite(
                pb.OpenSiteRequest(site=site),
                timeout=5,
                metadata=enrolment.as_staff(Role.SITE_HR, scope, idempotency_key="o"),
            )
        assert refused.value.code() is grpc.StatusCode.NOT_FOUND


async def test_a_blueprint_that_does_not_hold_together_is_told_field_by_field(enrolment: EnrolmentHouse) -> None:
    blueprint = read_blueprint(ROOT / "blueprints" / "axa-france.yaml")
    blueprint.one_to_one.minutes_min = 200
    blueprint.curriculum[1].code = blueprint.curriculum[0].code
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await enrolment.stub.CreateProgramme(
            pb.CreateProgrammeRequest(blueprint=blueprint),
            timeout=5,
            metadata=enrolment.as_staff(MANAGER, idempotency_key="k"),
        )
    assert {"one_to_one.minutes_min", "curriculum[1].code"} <= set(violations_of(refused.value))


async def test_a_retried_command_gets_the_first_answer_and_acts_once(enrolment: EnrolmentHouse) -> None:
    request = pb.StartImportRequest(file_name="hris.csv")
    metadata = enrolment.as_staff(MANAGER, idempotency_key="once")
    first, twin = await asyncio.gather(
        *(enrolment.stub.StartImport(request, timeout=5, metadata=metadata) for _ in range(2))
    )
    again = await enrolment.stub.StartImport(request, timeout=5, metadata=metadata)
    assert first == twin == again
    other = await enrolment.stub.StartImport(
        request, timeout=5, metadata=enrolment.as_staff(Role.SITE_HR, idempotency_key="once")
    )
    assert other.id != first.id


async def test_a_key_that_served_for_another_request_is_refused(enrolment: EnrolmentHouse) -> None:
    metadata = enrolment.as_staff(MANAGER, idempotency_key="once")
    await enrolment.stub.StartImport(pb.StartImportRequest(file_name="a.csv"), timeout=5, metadata=metadata)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await enrolment.stub.StartImport(pb.StartImportRequest(file_name="b.csv"), timeout=5, metadata=metadata)
    assert reason_of(refused.value) == "idempotency_key_reused"


async def test_a_refused_command_leaves_nothing_not_even_its_key(enrolment: EnrolmentHouse) -> None:
    with pytest.raises(grpc.aio.AioRpcError):
        await enrolment.stub.OpenSite(
            pb.OpenSiteRequest(site="lyon"), timeout=5, metadata=enrolment.as_staff(MANAGER, idempotency_key="k")
        )
    async with enrolment.database.engine.connect() as connection:
        for table in (tables.outbox, tables.idempotency_keys):
            assert await connection.scalar(select(func.count()).select_from(table)) == 0


async def test_two_volunteers_at_once_are_enrolled_once(enrolment: EnrolmentHouse) -> None:
    person = await a_volunteer(enrolment)
    programme = await an_open_programme(enrolment)
    request = pb.EnrolAsMentorRequest(
        programme_id=programme,
        topics=[types.Topic(code="networks", level=3)],
        capacity=2,
        languages=["fr"],
    )

    async def volunteer(key: str) -> str:
        try:
            await enrolment.stub.EnrolAsMentor(
                request, timeout=10, metadata=enrolment.as_person(person, idempotency_key=key)
            )
        except grpc.aio.AioRpcError as error:
            return reason_of(error)
        return "enrolled"

    outcomes = await asyncio.gather(*(volunteer(f"key {n}") for n in range(6)))
    assert sorted(outcomes) == ["already_enrolled"] * 5 + ["enrolled"]


async def test_whoever_manages_one_site_alone_ends_no_programme(enrolment: EnrolmentHouse) -> None:
    programme = await an_open_programme(enrolment)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await enrolment.stub.EndProgramme(
            pb.EndProgrammeRequest(programme_id=programme),
            timeout=5,
            metadata=enrolment.as_staff(MANAGER, "lyon", idempotency_key="end"),
        )
    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED


async def test_hr_of_one_site_sees_as_an_employee_what_every_employee_sees(enrolment: EnrolmentHouse) -> None:
    person = await a_volunteer(enrolment)
    metadata = enrolment.as_person(person, Grant(Role.SITE_HR, "nice"))
    seen = await enrolment.stub.ListSites(pb.ListSitesRequest(), timeout=5, metadata=metadata)
    assert [site.name for site in seen.sites] == ["Lyon"]


async def test_hr_of_another_site_leaves_a_programme_for_themself(enrolment: EnrolmentHouse) -> None:
    person = await a_volunteer(enrolment)
    enrolled = await enrolment.stub.EnrolAsMentor(
        pb.EnrolAsMentorRequest(
            programme_id=await an_open_programme(enrolment),
            topics=[types.Topic(code="networks", level=3)],
            capacity=2,
            languages=["fr"],
        ),
        timeout=10,
        metadata=enrolment.as_person(person, idempotency_key="enrol"),
    )
    request = pb.WithdrawRequest(enrolment_id=enrolled.id)
    nice = Grant(Role.SITE_HR, "nice")
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        other = enrolment.as_person(uuid4(), nice, idempotency_key="other")
        await enrolment.stub.Withdraw(request, timeout=10, metadata=other)
    assert reason_of(refused.value) == "not_your_enrolment"
    left = await enrolment.stub.Withdraw(
        request, timeout=10, metadata=enrolment.as_person(person, nice, idempotency_key="leave")
    )
    assert left.id == enrolled.id


async def a_volunteer(enrolment: EnrolmentHouse) -> UUID:
    staff = enrolment.as_staff(MANAGER)
    await enrolment.stub.RegisterSite(SITE, timeout=10, metadata=[*staff, ("idempotency-key", "site")])
    started = await enrolment.stub.StartImport(
        pb.StartImportRequest(file_name="f"), timeout=10, metadata=[*staff, ("idempotency-key", "start")]
    )
    row = pb.PersonRow(
        line=2,
        reference="M1",
        given_name="Zoé",
        family_name="Martin",
        mail="zoe@exemple.fr",
        site="lyon",
        department="IT",
        grade_band="Employé",
        career_stage="Début",
        languages="fr",
        status="Actif",
    )
    await enrolment.stub.AddImportRows(
        pb.AddImportRowsRequest(import_id=started.id, rows=[row]),
        timeout=10,
        metadata=[*staff, ("idempotency-key", "rows")],
    )
    await enrolment.stub.CommitImport(
        pb.CommitImportRequest(import_id=started.id), timeout=10, metadata=[*staff, ("idempotency-key", "commit")]
    )
    for item in types.ChecklistItem.values()[1:]:
        await enrolment.stub.CompleteChecklistItem(
            pb.CompleteChecklistItemRequest(site="lyon", item=item),
            timeout=10,
            metadata=[*staff, ("idempotency-key", f"item {item}")],
        )
    await enrolment.stub.OpenSite(
        pb.OpenSiteRequest(site="lyon"), timeout=10, metadata=[*staff, ("idempotency-key", "open")]
    )
    found = await enrolment.stub.MapReferences(pb.MapReferencesRequest(references=["M1"]), timeout=10, metadata=staff)
    return UUID(found.mappings[0].person_id)


async def an_open_programme(enrolment: EnrolmentHouse) -> str:
    staff = enrolment.as_staff(MANAGER)
    blueprint = read_blueprint(ROOT / "blueprints" / "axa-france.yaml")
    made = await enrolment.stub.CreateProgramme(
        pb.CreateProgrammeRequest(blueprint=blueprint), timeout=10, metadata=[*staff, ("idempotency-key", str(uuid4()))]
    )
    await enrolment.stub.OpenProgramme(
        pb.OpenProgrammeRequest(programme_id=made.id), timeout=10, metadata=[*staff, ("idempotency-key", str(uuid4()))]
    )
    return made.id
