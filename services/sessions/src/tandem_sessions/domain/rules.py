"""Sessions' rules, as a programme manager reads them."""

from tandem_kit.domain import Rule

not_of_the_pair = Rule(
    "not_of_the_pair",
    en="Only the two people of the pair can do this.",
    fr="Seules les deux personnes du binôme peuvent le faire.",
)
charter_closed = Rule("charter_closed", en="This pair has ended.", fr="Ce binôme a pris fin.")
number_of_objectives = Rule(
    "number_of_objectives",
    en="A pair of this programme writes {least} to {most} objectives.",
    fr="Un binôme de ce programme rédige de {least} à {most} objectifs.",
)
no_objectives = Rule(
    "no_objectives",
    en="Write the pair's objectives before signing its charter.",
    fr="Rédigez les objectifs du binôme avant de signer sa charte.",
)
charter_not_signed = Rule(
    "charter_not_signed",
    en="Both sign the charter before their first session.",
    fr="Les deux signent la charte avant leur première séance.",
)
unknown_module = Rule(
    "unknown_module",
    en="The curriculum has no module {module}.",
    fr="Le parcours n'a pas de module {module}.",
)
session_length = Rule(
    "session_length",
    en="Such a session lasts {least} to {most} minutes.",
    fr="Une telle séance dure de {least} à {most} minutes.",
)
in_the_past = Rule("in_the_past", en="This time has passed already.", fr="Cette heure est déjà passée.")
double_booking = Rule(
    "double_booking",
    en="Somebody of this session has another one at that time.",
    fr="Une personne de cette séance en a une autre à cette heure.",
)
too_many_sessions = Rule(
    "too_many_sessions",
    en="A person follows at most {most} sessions of this programme.",
    fr="Une personne suit au plus {most} séances de ce programme.",
)
programme_has_no_collective_sessions = Rule(
    "programme_has_no_collective_sessions",
    en="This programme has no collective sessions.",
    fr="Ce programme n'a pas de séances collectives.",
)
too_early_for_collective = Rule(
    "too_early_for_collective",
    en="Collective sessions of this programme begin in month {month}.",
    fr="Les séances collectives de ce programme commencent au mois {month}.",
)
programme_not_running = Rule(
    "programme_not_running",
    en="The programme has not opened, or has ended.",
    fr="Le programme n'est pas ouvert, ou il est terminé.",
)
site_not_open = Rule(
    "site_not_open", en="The site has not opened Tandem yet.", fr="Le site n'a pas encore ouvert Tandem."
)
number_of_mentors = Rule(
    "number_of_mentors",
    en="A collective session is led by {least} to {most} mentors, each named once.",
    fr="Une séance collective est animée par {least} à {most} mentors, nommés une fois chacun.",
)
mentor_not_certified = Rule(
    "mentor_not_certified",
    en="Every mentor of a session is certified and takes part in the programme.",
    fr="Chaque mentor d'une séance est certifié et participe au programme.",
)
too_many_seats = Rule(
    "too_many_seats",
    en="A collective session has at most {most} participants.",
    fr="Une séance collective a au plus {most} participants.",
)
not_scheduled = Rule(
    "not_scheduled",
    en="The session was held or cancelled already.",
    fr="La séance a déjà eu lieu ou a été annulée.",
)
not_collective = Rule(
    "not_collective",
    en="Only collective sessions take registrations.",
    fr="Seules les séances collectives prennent des inscriptions.",
)
already_begun = Rule("already_begun", en="The session has begun.", fr="La séance a commencé.")
leads_the_session = Rule(
    "leads_the_session",
    en="You lead this session, and need no seat in it.",
    fr="Vous animez cette séance, et n'y avez pas besoin de place.",
)
already_registered = Rule(
    "already_registered",
    en="You are registered for this session already.",
    fr="Vous êtes déjà inscrit à cette séance.",
)
not_registered = Rule(
    "not_registered", en="You are not registered for this session.", fr="Vous n'êtes pas inscrit à cette séance."
)
person_unknown = Rule(
    "person_unknown",
    en="Only people who work here can register.",
    fr="Seules les personnes de l'entreprise peuvent s'inscrire.",
)
not_begun = Rule(
    "not_begun",
    en="Attendance is recorded once the session has begun.",
    fr="Les présences se notent une fois la séance commencée.",
)
attendance_of_all = Rule(
    "attendance_of_all",
    en="Say of each participant, once, whether they came; {count} are registered.",
    fr="Dites de chaque participant, une fois, s'il est venu ; {count} sont inscrits.",
)
not_your_session = Rule(
    "not_your_session",
    en="Only the people of a session, or staff, can do this.",
    fr="Seules les personnes d'une séance, ou l'équipe du programme, peuvent le faire.",
)
only_its_mentors = Rule(
    "only_its_mentors",
    en="Only a mentor of the session can say who came.",
    fr="Seul un mentor de la séance peut dire qui est venu.",
)
