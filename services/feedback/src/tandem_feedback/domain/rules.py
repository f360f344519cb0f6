"""Feedback's rules, as a programme manager reads them."""

from tandem_kit.domain import Rule

MINIMUM_ANSWERS = 5
"""Fewest answers behind a figure that is shown. Source: the minimum group of French HR survey tools."""

MINIMUM_COMMENTS = 10
"""Fewest comments before any is shown."""

AGREES_FROM = 3
"""Of the four steps of agreement, the two upper ones count as yes."""

not_open = Rule(
    "not_open",
    en="This questionnaire does not take answers at the moment.",
    fr="Ce questionnaire ne prend pas de réponses en ce moment.",
)
not_invited = Rule(
    "not_invited",
    en="This questionnaire is for people who came to a session.",
    fr="Ce questionnaire s'adresse aux personnes venues à une séance.",
)
token_claimed = Rule(
    "token_claimed",
    en="Your token was given out before, for another claim.",
    fr="Votre jeton a déjà été remis, pour une autre demande.",
)
claim_unreadable = Rule(
    "claim_unreadable",
    en="is not 64 hexadecimal digits",
    fr="n'est pas fait de 64 chiffres hexadécimaux",
)
token_not_valid = Rule(
    "token_not_valid", en="This token was not given out by Tandem.", fr="Ce jeton n'a pas été remis par Tandem."
)
token_spent = Rule(
    "token_spent",
    en="This token has answered already; an answer cannot be changed.",
    fr="Ce jeton a déjà servi ; une réponse ne se modifie pas.",
)
unknown_question = Rule("unknown_question", en="is not asked here", fr="n'est pas posée ici")
answered_twice = Rule("answered_twice", en="is answered twice", fr="a deux réponses")
agreement_expected = Rule(
    "agreement_expected",
    en="takes a step of agreement from 1 to 4, and no comment",
    fr="attend un degré d'accord de 1 à 4, sans commentaire",
)
comment_expected = Rule(
    "comment_expected",
    en="takes a comment, and no step of agreement",
    fr="attend un commentaire, sans degré d'accord",
)
