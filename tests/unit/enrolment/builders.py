"""People, sites and programmes whose details do not matter."""

from dataclasses import replace
from typing import Any
from uuid import uuid4

from tandem_enrolment.domain.blueprint import (
    Blueprint,
    CollectiveRules,
    MatchingRules,
    MenteeRules,
    MentorRules,
    Module,
    OneToOneRules,
    Question,
    QuestionKind,
    Step,
    Text,
)
from tandem_enrolment.domain.hris_import import Line, line_id
from tandem_enrolment.domain.person import Person
from tandem_enrolment.domain.programme import Programme, ProgrammeState
from tandem_enrolment.domain.site import Site
from tandem_enrolment.domain.types import (
    CareerStage,
    ChecklistItem,
    GradeBand,
    ImportId,
    PersonId,
    SiteCode,
    TrainingPart,
    site_id,
)

LYON = SiteCode("lyon")


def a_text() -> Text:
    return Text(en="words", fr="mots")


def a_blueprint(**more: Any) -> Blueprint:
    blueprint = Blueprint(
        code="test",
        name=a_text(),
        source="a test",
        mentors=MentorRules((CareerStage.EARLY,), 4, (TrainingPart.CONTENT, TrainingPart.POSTURE)),
        mentees=MenteeRules((GradeBand.EXECUTIVE,), briefing=True),
        matching=MatchingRules(forbid_reporting_line=True, shared_language=True, same_site=False, answer_days=10),
        one_to_one=OneToOneRules(90, 120, 10, 1, 3),
        collective=CollectiveRules(1, 3, 15, 90, 120, 3),
        curriculum=(Module("first", a_text(), (Step(90, a_text()),)),),
        end_questionnaire=(Question("would-recommend", QuestionKind.AGREEMENT, a_text()),),
    )
    return replace(blueprint, **more)


def a_programme(**more: Any) -> Programme:
    given: dict[str, Any] = {"id": uuid4(), "blueprint": a_blueprint(), "state": ProgrammeState.OPEN}
    return Programme(**(given | more))


def an_open_site(code: SiteCode = LYON) -> Site:
    return Site(
        id=site_id(code), site=code, name=code.title(), time_zone="Europe/Paris", done=list(ChecklistItem), open=True
    )


def a_person(**more: Any) -> Person:
    key = uuid4()
    given: dict[str, Any] = {
        "id": key,
        "reference": f"M{key.hex[:8]}",
        "given_name": "Inès",
        "family_name": "Martin",
        "mail": "ines.martin@exemple.fr",
        "workplace": LYON,
        "manager_id": None,
        "functional_manager_id": None,
        "department": "Marketing",
        "grade_band": GradeBand.EMPLOYEE,
        "career_stage": CareerStage.EARLY,
        "languages": ["fr"],
    }
    return Person(**(given | more))


def an_executive(**more: Any) -> Person:
    return a_person(grade_band=GradeBand.EXECUTIVE, career_stage=CareerStage.SENIOR, **more)


def a_line(import_id: ImportId | None = None, line: int = 2, **more: str) -> Line:
    import_id = import_id or ImportId(uuid4())
    said: dict[str, Any] = {
        "reference": f"M{line}",
        "given_name": "Loïc",
        "family_name": "Lefèvre",
        "mail": "loic.lefevre@exemple.fr",
        "site": "lyon",
        "manager_reference": "",
        "functional_manager_reference": "",
        "department": "Finances",
        "grade_band": "Employé",
        "career_stage": "Début",
        "languages": "fr,en",
        "status": "Actif",
    }
    return Line(id=line_id(import_id, line), import_id=import_id, line=line, **(said | more))


def person_id(person: Person) -> PersonId:
    return PersonId(person.id)
