"""The solver runs in a process of its own: the service neither loads OR-Tools nor waits for it."""

import asyncio
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict

from tandem_matching.domain.matching import Problem


class SolverFailed(Exception):  # noqa: N818
    """The solver's process ended without an answer; the text is what it said last."""


class ProcessSolver:
    """Asks `python -m tandem_matching.adapters.solver`, in JSON, over its standard streams."""

    async def solve(self, problem: Problem) -> Mapping[int, int]:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tandem_matching.adapters.solver",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            answer, errors = await process.communicate(json.dumps(asdict(problem)).encode())
        except asyncio.CancelledError:
            process.kill()
            raise
        if process.returncode != 0:
            raise SolverFailed(errors.decode(errors="replace")[-500:])
        return {int(mentee): mentor for mentee, mentor in json.loads(answer).items()}
