"""The twenty sites of the company that `tandem people generate` imagines: headquarters first."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    code: str
    name: str
    time_zone: str = "Europe/Paris"


SITES = (
    Place("paris-la-defense", "Paris-La Défense"),
    Place("lyon", "Lyon"),
    Place("nantes", "Nantes"),
    Place("lille", "Lille"),
    Place("marseille", "Marseille"),
    Place("bordeaux", "Bordeaux"),
    Place("toulouse", "Toulouse"),
    Place("strasbourg", "Strasbourg"),
    Place("rennes", "Rennes"),
    Place("nice", "Nice"),
    Place("montpellier", "Montpellier"),
    Place("grenoble", "Grenoble"),
    Place("rouen", "Rouen"),
    Place("tours", "Tours"),
    Place("dijon", "Dijon"),
    Place("clermont-ferrand", "Clermont-Ferrand"),
    Place("brest", "Brest"),
    Place("metz", "Metz"),
    Place("saint-denis", "Saint-Denis (Réunion)", "Indian/Reunion"),
    Place("fort-de-france", "Fort-de-France", "America/Martinique"),
)
