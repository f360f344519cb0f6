"""Imagines a company, and writes it as its HR department would export it: mostly clean, partly not."""

import csv
import random
import unicodedata
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from tandem_cli.people.hris_file import HEADINGS
from tandem_cli.people.sites import SITES

_GIVEN = (
    "Inès Léa Camille Chloé Manon Zoé Élodie Amélie Océane Maëlys Anaïs Noémie Aïcha Fatou Héloïse Clémence Margaux "
    "Lucie Sarah Julie Marine Pauline Mathilde Agathe Louise Hugo Théo Loïc Jérôme François Gaël Maxime Raphaël Kévin "
    "Anthony Rémi Cédric Benoît Stéphane Frédéric Philippe Thierry Hervé Gérard Mohamed Karim Youssef Ibrahim Noël "
    "Étienne Aurélien Guillaume Sébastien Grégory Jean-Luc Anne-Sophie Marie-Hélène Bérénice Gwenaëlle"
).split()
_FAMILY = (
    "Martin Bernard Dubois Thomas Robert Richard Petit Durand Leroy Moreau Simon Laurent Lefèvre Michel Garcia David "
    "Bertrand Roux Vincent Fournier Morel Girard André Mercier Dupont Lambert Bonnet François Martinez Legrand Garnier "
    "Faure Rousseau Blanc Guérin Müller Henry Roussel Nicolas Perrin Morin Mathieu Clément Gauthier Dumont Lopez "
    "Fontaine Chevalier Robin Masson Sanchez Gérard Nguyen Boyer Denis Lemaire Duval Joly Gautier Roger Roche Roy "
    "Noël Meyer Lucas Meunier Jean Pérez Marchand Dufour Blanchard Marie Barbier Brun Dumas Brunet Schmitt Leroux "
    "Colas Diallo Traoré Benali Haddad N'Guessan L'Hostis D'Almeida Le_Gall Le_Goff De_Oliveira"
).split()
_DEPARTMENTS = (
    "Direction générale",
    "Ressources humaines",
    "Finances",
    "Systèmes d'information",
    "Indemnisation",
    "Souscription",
    "Commercial",
    "Marketing et digital",
    "Juridique et conformité",
    "Opérations",
)
_EXECUTIVES, _MANAGERS, _PROFESSIONALS = 0.05, 0.10, 0.25
_HEADQUARTERS_SHARE, _HEADQUARTERS_EXECUTIVES = 0.40, 0.80
_DIRTY_SHARE = 0.006
_COMMITTEE = 12


@dataclass(frozen=True, slots=True)
class Employee:
    """One line, before it is written; the words are those of the export."""

    reference: str
    given_name: str
    family_name: str
    mail: str
    site: str
    manager_reference: str
    functional_manager_reference: str
    department: str
    grade_band: str
    career_stage: str
    languages: str
    status: str = "Actif"


def generate_company(seed: int, people: int, sites: int) -> list[Employee]:
    """Return the people of a company, without a fault; the same seed gives the same people."""
    if people < 100 or not 1 <= sites <= len(SITES):
        raise ValueError(f"a company has at least 100 people and 1 to {len(SITES)} sites")
    return _Company(seed, people, sites).employees


class _Company:
    """A hierarchy: director general, committee, executives, managers, and everybody else; each below the former."""

    def __init__(self, seed: int, people: int, sites: int) -> None:
        self._random = random.Random(f"tandem/{seed}")
        self._sites = [place.code for place in SITES[:sites]]
        self._mails: Counter[str] = Counter()
        self.employees: list[Employee] = []
        executives = round(people * _EXECUTIVES)
        managers = round(people * _MANAGERS)
        professionals = round(people * _PROFESSIONALS)
        self._add("Cadre dirigeant", self._sites[0], "", "Direction générale")
        for number in range(1, executives):
            self._add_executive(number)
        for number in range(managers):
            # Every site has a manager, so that everybody can have one nearby.
            site = self._sites[number] if number < len(self._sites) else self._place(_HEADQUARTERS_SHARE)
            boss = self._random.choice(self._of("Cadre dirigeant")[1:])
            self._add("Cadre", site, boss.reference, boss.department)
        for number in range(people - executives - managers):
            site = self._place(_HEADQUARTERS_SHARE)
            boss = self._random.choice([m for m in self._of("Cadre") if m.site == site])
            grade = "Agent de maîtrise" if number < professionals else "Employé"
            self._add(grade, site, boss.reference, boss.department)

    def _add_executive(self, number: int) -> None:
        top = self._of("Cadre dirigeant")
        if number <= _COMMITTEE:
            self._add("Cadre dirigeant", self._sites[0], top[0].reference, _DEPARTMENTS[number % len(_DEPARTMENTS)])
        else:
            boss = self._random.choice(top[1 : _COMMITTEE + 1])
            self._add("Cadre dirigeant", self._place(_HEADQUARTERS_EXECUTIVES), boss.reference, boss.department)

    def _place(self, headquarters: float) -> str:
        if len(self._sites) == 1 or self._random.random() < headquarters:
            return self._sites[0]
        return self._random.choice(self._sites[1:])

    def _of(self, grade: str) -> list[Employee]:
        return [employee for employee in self.employees if employee.grade_band == grade]

    def _add(self, grade: str, site: str, manager: str, department: str) -> None:
        pick = self._random
        given, family = pick.choice(_GIVEN), pick.choice(_FAMILY).replace("_", " ")
        weights = {
            "Cadre dirigeant": (0, 2, 8),
            "Cadre": (1, 5, 4),
            "Agent de maîtrise": (4, 4, 2),
            "Employé": (4, 4, 2),
        }[grade]
        stage = pick.choices(("Début", "Milieu", "Confirmé"), weights)[0]
        functional = ""
        if pick.random() < 0.08 and grade != "Cadre dirigeant":
            other = [m for m in self._of("Cadre")[:200] if m.department != department]
            functional = pick.choice(other).reference if other else ""
        languages = pick.choices(("fr", "fr,en", "fr,en,es", "fr,de", "en"), (45, 38, 8, 6, 3))[0]
        self.employees.append(
            Employee(
                reference=f"M{100000 + len(self.employees)}",
                given_name=given,
                family_name=family,
                mail=self._mail(given, family),
                site=site,
                manager_reference=manager,
                functional_manager_reference=functional,
                department=department,
                grade_band=grade,
                career_stage=stage,
                languages=languages,
            )
        )

    def _mail(self, given: str, family: str) -> str:
        plain = unicodedata.normalize("NFKD", f"{given}.{family}".lower()).encode("ascii", "ignore").decode()
        local = plain.replace(" ", "").replace("'", "")
        self._mails[local] += 1
        number = self._mails[local]
        return f"{local}{number if number > 1 else ''}@exemple.fr"


def spoil(employees: list[Employee], seed: int) -> list[Employee]:
    """Return the lines as they come: most clean, some with harmless habits, a few with real faults.

    Only people without anybody below them get a real fault, so that leaving a bad line out leaves nobody without a
    manager.
    """
    pick = random.Random(f"tandem/{seed}/dirt")
    above = {e.manager_reference for e in employees} | {e.functional_manager_reference for e in employees}
    leaves = [number for number, e in enumerate(employees) if e.reference not in above]
    bad = pick.sample(leaves, round(len(employees) * _DIRTY_SHARE))
    lines = list(employees)
    for number, employee in enumerate(lines):
        if pick.random() < 0.02:
            lines[number] = replace(
                employee,
                family_name=f" {employee.family_name.upper()} ",
                languages=employee.languages.replace(",", ", "),
            )
    faults = (
        {"mail": "à compléter"},
        {"site": "Siège"},
        {"family_name": ""},
        {"manager_reference": "M999999"},
        {"grade_band": "Stagiaire?"},
        {"languages": "français"},
    )
    for turn, number in enumerate(bad):
        lines[number] = replace(lines[number], **faults[turn % len(faults)])
    return [*lines, lines[leaves[0]]]


def write_hris_file(lines: list[Employee], file: Path) -> None:
    """Write the file as HR sends it: UTF-8 with BOM, semicolons, Windows line ends."""
    with file.open("w", encoding="utf-8-sig", newline="") as output:
        writer = csv.writer(output, delimiter=";", lineterminator="\r\n")
        writer.writerow(french for french, _ in HEADINGS.values())
        writer.writerows([getattr(line, field) for field in HEADINGS] for line in lines)
