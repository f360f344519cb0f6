"""Enrolment's rules, as a programme manager reads them."""

from collections.abc import Mapping
from uuid import UUID

from tandem_kit.domain import Rule

Managers = Mapping[UUID, tuple[UUID, ...]]
"""The line manager and the functional manager of each person."""

checklist_incomplete = Rule(
    "checklist_incomplete",
    en="The site cannot open yet; still to do: {missing}.",
    fr="Le site ne peut pas encore ouvrir ; reste à faire : {missing}.",
)
no_people_at_site = Rule(
    "no_people_at_site",
    en="Nobody at this site has been imported yet.",
    fr="Personne n'a encore été importé pour ce site.",
)
site_not_open = Rule(
    "site_not_open",
    en="Your site has not opened Tandem yet.",
    fr="Votre site n'a pas encore ouvert Tandem.",
)
programme_not_open = Rule(
    "programme_not_open",
    en="The programme does not take enrolments at the moment.",
    fr="Le programme ne prend pas d'inscriptions en ce moment.",
)
programme_already_opened = Rule(
    "programme_already_opened",
    en="The programme was opened before.",
    fr="Le programme a déjà été ouvert.",
)
person_has_left = Rule(
    "person_has_left",
    en="This person has left the company.",
    fr="Cette personne a quitté l'entreprise.",
)
career_stage_not_eligible = Rule(
    "career_stage_not_eligible",
    en="Mentors of this programme are at these career stages: {stages}.",
    fr="Les mentors de ce programme sont à ces étapes de carrière : {stages}.",
)
grade_band_not_eligible = Rule(
    "grade_band_not_eligible",
    en="Mentees of this programme are in these grade bands: {bands}.",
    fr="Les mentorés de ce programme sont dans ces catégories : {bands}.",
)
capacity_too_large = Rule(
    "capacity_too_large",
    en="A mentor of this programme takes at most {most} mentees at a time.",
    fr="Un mentor de ce programme suit au plus {most} mentorés à la fois.",
)
already_enrolled = Rule(
    "already_enrolled",
    en="You take part in this programme in that role already.",
    fr="Vous participez déjà à ce programme dans ce rôle.",
)
enrolment_withdrawn = Rule(
    "enrolment_withdrawn",
    en="This person has left the programme.",
    fr="Cette personne a quitté le programme.",
)
only_mentors_are_trained = Rule(
    "only_mentors_are_trained",
    en="Only mentors are trained and certified.",
    fr="Seuls les mentors sont formés et certifiés.",
)
only_mentees_are_briefed = Rule(
    "only_mentees_are_briefed",
    en="Only mentees are briefed.",
    fr="Seuls les mentorés sont préparés.",
)
training_incomplete = Rule(
    "training_incomplete",
    en="The mentor has still to be trained in: {missing}.",
    fr="Le mentor doit encore être formé à : {missing}.",
)
not_certified = Rule(
    "not_certified",
    en="The mentor is not certified.",
    fr="Le mentor n'est pas certifié.",
)
not_briefed = Rule(
    "not_briefed",
    en="The mentee has not been briefed.",
    fr="Le mentoré n'a pas été préparé.",
)
not_enrolled = Rule(
    "not_enrolled",
    en="This person does not take part in the programme.",
    fr="Cette personne ne participe pas au programme.",
)
same_reporting_line = Rule(
    "same_reporting_line",
    en="One of the two is above the other in the hierarchy.",
    fr="L'une des deux personnes est au-dessus de l'autre dans la hiérarchie.",
)
not_your_enrolment = Rule(
    "not_your_enrolment",
    en="Only the person concerned can leave the programme, or HR for them.",
    fr="Seule la personne concernée peut quitter le programme, ou les RH pour elle.",
)
import_over = Rule(
    "import_over",
    en="This import was applied already, or was left for so long that its lines were removed.",
    fr="Cet import a déjà été appliqué, ou il a tant attendu que ses lignes ont été supprimées.",
)
import_has_problems = Rule(
    "import_has_problems",
    en="The file has {count} problems; correct it, or ask to import the good lines only.",
    fr="Le fichier a {count} problèmes ; corrigez-le, ou demandez à n'importer que les bonnes lignes.",
)
complete_file_of_one_site = Rule(
    "complete_file_of_one_site",
    en="Only somebody who works for all sites can say that a file names everybody.",
    fr="Seul quelqu'un qui agit pour tous les sites peut dire qu'un fichier nomme tout le monde.",
)
too_many_leavers = Rule(
    "too_many_leavers",
    en="The file would make {leaving} of {active} people leave, more than one in ten: is it complete?",
    fr="Le fichier ferait partir {leaving} personnes sur {active}, plus d'une sur dix : est-il complet ?",
)
minutes_in_disorder = Rule(
    "minutes_in_disorder",
    en="the shortest session is longer than the longest",
    fr="la séance la plus courte dépasse la plus longue",
)
mentors_in_disorder = Rule(
    "mentors_in_disorder",
    en="the fewest mentors are more than the most",
    fr="le minimum de mentors dépasse le maximum",
)
code_twice = Rule(
    "code_twice",
    en="the code {code} stands twice",
    fr="le code {code} figure deux fois",
)
running_order_length = Rule(
    "running_order_length",
    en="the steps add up to {minutes} minutes; a session lasts {least} to {most}",
    fr="les étapes durent {minutes} minutes en tout ; une séance dure de {least} à {most}",
)


def in_same_reporting_line(a: UUID, b: UUID, managers: Managers) -> bool:
    """One is above the other, at any distance, by line or functional manager.

    Source: AXA France pairs nobody within one hierarchical line.
    """
    return a in above(b, managers) or b in above(a, managers)


def above(person: UUID, managers: Managers) -> set[UUID]:
    """Return everybody above a person; a circle in the data ends where it began."""
    found: set[UUID] = set()
    waiting = list(managers.get(person, ()))
    while waiting:
        manager = waiting.pop()
        if manager not in found:
            found.add(manager)
            waiting += managers.get(manager, ())
    return found
