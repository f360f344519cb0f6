"""A programme's design. The YAML files of `blueprints/` and the contract's `Blueprint` have this shape."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from tandem_enrolment.domain.rules import code_twice, mentors_in_disorder, minutes_in_disorder, running_order_length
from tandem_enrolment.domain.types import CareerStage, GradeBand, TrainingPart
from tandem_kit.domain import Malformed, RuleBroken


class QuestionKind(StrEnum):
    AGREEMENT = "agreement"
    COMMENT = "comment"


@dataclass(frozen=True, slots=True)
class Text:
    en: str
    fr: str


@dataclass(frozen=True, slots=True)
class MentorRules:
    career_stages: tuple[CareerStage, ...]
    capacity_max: int
    training: tuple[TrainingPart, ...]


@dataclass(frozen=True, slots=True)
class MenteeRules:
    grade_bands: tuple[GradeBand, ...]
    briefing: bool


@dataclass(frozen=True, slots=True)
class MatchingRules:
    forbid_reporting_line: bool
    shared_language: bool
    same_site: bool
    answer_days: int


@dataclass(frozen=True, slots=True)
class OneToOneRules:
    minutes_min: int
    minutes_max: int
    sessions_per_person_max: int
    objectives_min: int
    objectives_max: int


@dataclass(frozen=True, slots=True)
class CollectiveRules:
    mentors_min: int
    mentors_max: int
    seats_max: int
    minutes_min: int
    minutes_max: int
    from_month: int


@dataclass(frozen=True, slots=True)
class Step:
    minutes: int
    text: Text


@dataclass(frozen=True, slots=True)
class Module:
    code: str
    title: Text
    running_order: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Question:
    code: str
    kind: QuestionKind
    text: Text


@dataclass(frozen=True, slots=True)
class IndicatorFigure:
    question: str
    percent: int


@dataclass(frozen=True, slots=True)
class Figures:
    mentors_first_wave: int
    mentors: int
    pairs: int
    people_reached: int
    indicators: tuple[IndicatorFigure, ...] = ()


@dataclass(frozen=True, slots=True)
class Blueprint:
    code: str
    name: Text
    source: str
    mentors: MentorRules
    mentees: MenteeRules
    matching: MatchingRules
    one_to_one: OneToOneRules
    curriculum: tuple[Module, ...]
    end_questionnaire: tuple[Question, ...]
    collective: CollectiveRules | None = None
    figures: Figures | None = field(default=None)

    def check(self) -> None:
        """Raise `Malformed` with everything that does not hold together."""
        problems = list(self._problems())
        if problems:
            raise Malformed(problems)

    def _problems(self) -> Iterator[tuple[str, RuleBroken]]:
        formats = {"one_to_one": self.one_to_one} | ({"collective": self.collective} if self.collective else {})
        for name, rules in formats.items():
            if rules.minutes_min > rules.minutes_max:
                yield f"{name}.minutes_min", RuleBroken(minutes_in_disorder)
        if self.collective and self.collective.mentors_min > self.collective.mentors_max:
            yield "collective.mentors_min", RuleBroken(mentors_in_disorder)
        yield from _twice("curriculum", [module.code for module in self.curriculum])
        yield from _twice("end_questionnaire", [question.code for question in self.end_questionnaire])
        least, most = self.one_to_one.minutes_min, self.one_to_one.minutes_max
        for number, module in enumerate(self.curriculum):
            minutes = sum(step.minutes for step in module.running_order)
            if not least <= minutes <= most:
                broken = RuleBroken(running_order_length, minutes=minutes, least=least, most=most)
                yield f"curriculum[{number}].running_order", broken


def _twice(path: str, codes: list[str]) -> Iterator[tuple[str, RuleBroken]]:
    counts = Counter(codes)
    for number, code in enumerate(codes):
        if counts[code] > 1 and code in codes[:number]:
            yield f"{path}[{number}].code", RuleBroken(code_twice, code=code)
