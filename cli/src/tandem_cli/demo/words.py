"""What the demo says, in both languages."""

_WORDS = {
    "title": (
        "The AXA France programme, on a local Tandem",
        "Le programme d'AXA France, sur un Tandem local",
    ),
    "importing": ("Importing people", "Import des personnes"),
    "imported": (
        "{people} people of {sites} sites imported; {bad} lines of the HRIS file had problems and were left out",
        "{people} personnes de {sites} sites importées ; {bad} lignes du fichier RH, en erreur, sont laissées de côté",
    ),
    "opened": (
        "Month {month}: opened {sites} (people imported, works council consulted, notice published, support named)",
        "Mois {month} : ouverture de {sites} (personnes importées, CSE consulté, information publiée, support nommé)",
    ),
    "programme": (
        "Programme created from blueprints/{code}.yaml, and opened",
        "Programme créé depuis blueprints/{code}.yaml, et ouvert",
    ),
    "enrolling_mentors": ("Mentors volunteer", "Les mentors s'inscrivent"),
    "training": ("Content, posture, certification", "Contenu, posture, certification"),
    "mentors": (
        "{count} mentors trained on content and posture, and certified by an internal trainer",
        "{count} mentors formés sur le contenu et la posture, et certifiés par un formateur interne",
    ),
    "enrolling_executives": ("Executives volunteer", "Les dirigeants s'inscrivent"),
    "briefing": ("Briefing", "Préparation des dirigeants"),
    "executives": ("{count} executives enrolled and briefed", "{count} dirigeants inscrits et préparés"),
    "run": (
        "Run {number}: {proposals} proposals (total fit {fit}), {unmatched} without a possible mentor",
        "Calcul {number} : {proposals} propositions (adéquation {fit}), {unmatched} sans mentor possible",
    ),
    "answering": ("Both sides answer", "Les deux côtés répondent"),
    "answers": (
        "{accepted} proposals accepted by both, {declined} declined",
        "{accepted} propositions acceptées des deux côtés, {declined} déclinées",
    ),
    "paired": (
        "{count} executives paired one to one, none in the same reporting line",
        "{count} dirigeants en binôme, aucun dans la même ligne hiérarchique",
    ),
    "charters": ("Objectives and charters", "Objectifs et chartes"),
    "signed": (
        "{count} charters signed, with objectives, before any session",
        "{count} chartes signées, avec des objectifs, avant toute séance",
    ),
    "booking": ("Month {month}: booking", "Mois {month} : réservation"),
    "registering": ("Month {month}: registrations", "Mois {month} : inscriptions"),
    "holding": ("Month {month}: attendance", "Mois {month} : présences"),
    "month": (
        "Month {month}, {module}: {held} one-to-one sessions held, {cancelled} cancelled",
        "Mois {month}, {module} : {held} séances individuelles tenues, {cancelled} annulées",
    ),
    "collective": (
        "Month {month}: {sessions} collective sessions, {people} came, {waited} waited, {promoted} of them got a seat",
        "Mois {month} : {sessions} séances collectives, {people} venus, {waited} en attente, dont {promoted} promus",
    ),
    "left": (
        "{count} people left the company (HRIS): their pairs ended, and those who lost a mentor are matched again",
        "{count} personnes ont quitté l'entreprise : leurs binômes prennent fin, qui perd son mentor en retrouve un",
    ),
    "answering_questionnaire": ("Questionnaires", "Questionnaires"),
    "ended": (
        "Programme ended: {sent} questionnaires sent, {answers} anonymous answers",
        "Programme terminé : {sent} questionnaires envoyés, {answers} réponses anonymes",
    ),
    "report": ("Report", "Bilan"),
    "reach_columns": (
        ("site", "people", "mentors", "one to one", "collective", "sent", "answers"),
        ("site", "personnes", "mentors", "individuelles", "collectives", "envoyés", "réponses"),
    ),
    "overall": ("all", "ensemble"),
    "indicator_columns": (
        ("indicator", "yes", "answers", "published"),
        ("indicateur", "oui", "réponses", "publié"),
    ),
    "by_site_columns": (("site", "best suited", "habits", "recommend"), ("site", "format", "habitudes", "recommande")),
    "held_back": (
        "– : fewer than 5 answers, or a group that would give them away.",
        "– : moins de 5 réponses, ou un groupe qui les révélerait.",
    ),
    "verbatims": ("In their words", "Avec leurs mots"),
    "unmatched_executive": (
        (
            "Without a mentor: {reference}. Of {mentors} mentors, {line} are in the same reporting line, "
            "{language} share no language, {full} are full"
        ),
        (
            "Sans mentor : {reference}. Sur {mentors} mentors, {line} sont de la même ligne hiérarchique, "
            "{language} sans langue commune, {full} complets"
        ),
    ),
    "took": ("The programme took {seconds} s.", "Le programme a pris {seconds} s."),
    "kept": (
        (
            "The stack goes on running. Look around: tandem status, tandem logs sessions, tandem clock show. "
            "Stop it: tandem down."
        ),
        (
            "La pile reste en marche. À voir : tandem status, tandem logs sessions, tandem clock show. "
            "Pour l'arrêter : tandem down."
        ),
    ),
    "stopped": ("Stopped what was started.", "Arrêté ce qui avait été démarré."),
}


class Words:
    def __init__(self, language: str) -> None:
        self.language = language

    def of(self, key: str, **details: object) -> str:
        return str(_WORDS[key][self.language == "fr"]).format(**details)

    def columns(self, key: str) -> tuple[str, ...]:
        return tuple(_WORDS[key][self.language == "fr"])
