"""The local stack's identity provider: one signing key, and tokens that it signs."""

import json
import time
from pathlib import Path
from uuid import UUID

from joserfc import jwt
from joserfc.jwk import OKPKey

from tandem_kit.policy import Grant
from tandem_kit.rpc.callers import ALGORITHMS, AUDIENCE

HOURS = 12


def make_signing_key(run: Path) -> Path:
    """Make the key where there is none, and return the file with its public part."""
    private, public = run / "signing-key.json", run / "jwks.json"
    if not public.exists():
        key = OKPKey.generate_key("Ed25519", {"use": "sig", "alg": ALGORITHMS[0]}, auto_kid=True)
        private.touch(0o600)
        private.write_text(json.dumps(key.as_dict(private=True)))
        public.write_text(json.dumps({"keys": [key.as_dict(private=False)]}))
    return public


class Signer:
    """Signs tokens for callers."""

    def __init__(self, run: Path) -> None:
        self._key = OKPKey.import_key(json.loads((run / "signing-key.json").read_text()))

    def sign(self, subject: str, *grants: Grant, person: UUID | None = None, hours: int = HOURS) -> str:
        """Return a token for some hours of the machine's time."""
        now = int(time.time())
        claims = {
            "sub": subject,
            "aud": AUDIENCE,
            "iat": now,
            "exp": now + hours * 3600,
            "grants": [{"role": grant.role.value, "site": grant.site} for grant in grants],
        }
        if person is not None:
            claims["person"] = str(person)
        header = {"alg": ALGORITHMS[0], "kid": self._key.kid}
        return jwt.encode(header, claims, self._key, algorithms=ALGORITHMS)
