"""Who calls: the JWT in a call's metadata, verified with the public keys of the JWKS setting."""

import json
import time
from pathlib import Path
from typing import Any
from uuid import UUID

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jwt import JWTClaimsRegistry

from tandem_kit.policy import Caller, Grant, Role
from tandem_kit.rpc.errors import unauthenticated

AUDIENCE = "tandem"
ALGORITHMS = ["Ed25519"]
# Verified tokens are remembered until they expire or the keys change: most callers call again.
_MOST_KNOWN = 10_000


class Callers:
    """Verifies tokens; the file with the keys is read again when it changes."""

    def __init__(self, jwks: Path) -> None:
        self._file = jwks
        self._read_at = -1
        self._keys = KeySet([])
        self._known: dict[str, tuple[float, Caller]] = {}
        self._claims = JWTClaimsRegistry(
            aud={"essential": True, "value": AUDIENCE}, exp={"essential": True}, sub={"essential": True}
        )

    def caller_of(self, authorization: str | None) -> Caller:
        """Return the caller of `Bearer <token>`, or refuse."""
        if authorization is None or not authorization.startswith("Bearer "):
            raise unauthenticated("Send a token: authorization: Bearer …", "Envoyez un jeton : authorization: Bearer …")
        text = authorization.removeprefix("Bearer ")
        keys = self._current_keys()
        until, known = self._known.get(text, (0.0, None))
        if known is not None and time.time() < until:
            return known
        try:
            token = jwt.decode(text, keys, algorithms=ALGORITHMS)
            self._claims.validate(token.claims)
            caller = _caller(token.claims)
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise unauthenticated(
                f"The token is not valid: {type(error).__name__}.",
                f"Le jeton n'est pas valable : {type(error).__name__}.",
            ) from error
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known[text] = (float(token.claims["exp"]), caller)
        return caller

    def _current_keys(self) -> KeySet:
        changed_at = self._file.stat().st_mtime_ns
        if changed_at != self._read_at:
            self._keys = KeySet.import_key_set(json.loads(self._file.read_text()))
            self._read_at = changed_at
            self._known.clear()
        return self._keys


def _caller(claims: dict[str, Any]) -> Caller:
    grants = {Grant(Role(grant["role"]), grant.get("site")) for grant in claims.get("grants", [])}
    person = UUID(claims["person"]) if "person" in claims else None
    if person is not None:
        grants.add(Grant(Role.EMPLOYEE))
    return Caller(str(claims["sub"]), person, frozenset(grants))
