"""Tokens that answer once and lead back to nobody.

The person keeps a random claim. Of it the invitation stores one digest, and the token carries another (the nonce):
neither digest leads to the other without the claim, which is never stored. Asking again with the same claim gives the
same token, so a lost reply costs no answer, and nothing has to be remembered about the token for that.
"""

import hashlib
import hmac
from dataclasses import dataclass
from uuid import UUID

from tandem_feedback.domain.rules import claim_unreadable, token_not_valid
from tandem_feedback.domain.types import QuestionnaireId, SiteCode
from tandem_kit.domain import Malformed, RuleBroken, refuse_unless


@dataclass(frozen=True, slots=True)
class Token:
    """What a verified token says."""

    questionnaire_id: QuestionnaireId
    site: SiteCode
    spent_id: UUID


def claim_digest(claim: str) -> str:
    """Return what an invitation remembers of a claim of 64 hexadecimal digits."""
    return _digest("claim", claim)


def issue(key: bytes, questionnaire: QuestionnaireId, site: SiteCode, claim: str) -> str:
    """Return the token for a claim, for a questionnaire and the site that the answer will count for."""
    body = f"{questionnaire}.{site}.{_digest('nonce', claim)}"
    return f"{body}.{_mac(key, body)}"


def verify(key: bytes, token: str) -> Token:
    """Read a token that this service issued, or refuse."""
    body, _, mac = token.rpartition(".")
    refuse_unless(hmac.compare_digest(mac.encode(), _mac(key, body).encode()), token_not_valid)
    questionnaire, site, _ = body.split(".")
    spent = UUID(bytes=hashlib.sha256(f"spent/{body}".encode()).digest()[:16])
    return Token(QuestionnaireId(UUID(questionnaire)), SiteCode(site), spent)


def _digest(purpose: str, claim: str) -> str:
    try:
        secret = bytes.fromhex(claim)
    except ValueError:
        secret = b""
    if len(secret) != 32:
        raise Malformed([("claim", RuleBroken(claim_unreadable))])
    return hashlib.sha256(purpose.encode() + b"/" + secret).hexdigest()


def _mac(key: bytes, body: str) -> str:
    return hmac.new(key, body.encode(), hashlib.sha256).hexdigest()
