"""Act two: runs, reviews, answers, pairs, charters."""

from collections.abc import Sequence
from datetime import timedelta

from tandem.matching.v1 import service_pb2 as pb
from tandem.matching.v1 import types_pb2 as types
from tandem.sessions.v1 import service_pb2 as sessions
from tandem_cli.demo.stage import Stage
from tandem_cli.errors import Trouble
from tandem_cli.language import said
from tandem_kit.policy import Role

_DECLINES = 0.04
_ROUNDS = 6

_OBJECTIVES = (
    "Suivre l'actualité de mon métier sans y passer mes soirées",
    "Publier une fois par semaine sur notre réseau interne",
    "Comprendre ce que nos clients font de nos services sur leur téléphone",
    "Travailler à plusieurs sur un même document, sans courriel",
)


async def pair_everybody(stage: Stage) -> pb.GetRunResponse:
    """Ask for a first run, then follow every re-match that declines cause; return the first run."""
    manager = stage.client.staff(Role.PROGRAMME_MANAGER)
    await stage.client.settle()
    await stage.client.matching.ProposePairs(pb.ProposePairsRequest(programme_id=stage.programme), metadata=manager)
    await stage.client.settle()
    runs = await follow_runs(stage)
    return runs[0]


async def follow_runs(stage: Stage) -> list[pb.GetRunResponse]:
    """Review and publish staged runs, and let both sides answer, until nobody who lost a mentor waits for a run."""
    manager = stage.client.staff(Role.PROGRAMME_MANAGER)
    done: list[pb.GetRunResponse] = []
    for _ in range(_ROUNDS):
        listed = await stage.client.matching.ListRuns(
            pb.ListRunsRequest(programme_id=stage.programme), metadata=manager
        )
        staged = [(n, r) for n, r in enumerate(listed.runs, start=1) if r.state == pb.RUN_STATE_STAGED]
        if not staged:
            return done
        for number, summary in staged:
            run = await stage.client.matching.GetRun(pb.GetRunRequest(run_id=summary.id), metadata=manager)
            done.append(run)
            stage.say(
                "run",
                number=number,
                proposals=len(run.proposals),
                fit=run.total_fit,
                unmatched=len(run.unmatched),
            )
            await stage.client.matching.PublishRun(pb.PublishRunRequest(run_id=run.id), metadata=manager)
            declined = await _answer(stage, run)
            if run.proposals:
                stage.say("answers", accepted=len(run.proposals) - declined, declined=declined)
        # A day without another loss, and Tandem proposes again to those who lost somebody.
        await stage.until(stage.now() + timedelta(days=2))
    raise Trouble(
        said(
            f"After {_ROUNDS} rounds of matching, people still decline.",
            f"Après {_ROUNDS} tours d'appariement, des personnes déclinent encore.",
        )
    )


async def _answer(stage: Stage, run: pb.GetRunResponse) -> int:
    known = stage.cast.everybody()

    async def answer(proposal: pb.Proposal) -> bool:
        mentor, mentee = known[proposal.mentor_id], known[proposal.mentee_id]
        matching, who = stage.client.matching, stage.client.person
        for side in (mentee, mentor):
            if stage.chance.happens(_DECLINES, "declines", side.reference, mentor.reference, mentee.reference):
                await matching.DeclineProposal(
                    pb.DeclineProposalRequest(proposal_id=proposal.id, reason=types.DECLINE_REASON_NO_TIME),
                    metadata=who(side.id),
                )
                stage.record.declines.append((mentor.reference, mentee.reference))
                return True
            await matching.AcceptProposal(pb.AcceptProposalRequest(proposal_id=proposal.id), metadata=who(side.id))
        return False

    declined = await stage.together(stage.words.of("answering"), answer, run.proposals)
    await stage.client.settle()
    return sum(declined)


async def pairs_of(stage: Stage) -> list[pb.Pair]:
    """Return every pair that works together, in an order that the seed decides."""
    pairs: list[pb.Pair] = []
    while True:
        after = pairs[-1].id if pairs else None
        page = await stage.client.matching.ListPairs(
            pb.ListPairsRequest(programme_id=stage.programme, after=after, limit=1000),
            metadata=stage.client.staff(Role.PROGRAMME_MANAGER),
        )
        pairs += page.pairs
        if len(page.pairs) < 1000:
            break
    known = stage.cast.everybody()
    active = [pair for pair in pairs if not pair.dissolved]
    return sorted(active, key=lambda p: (known[p.mentor_id].reference, known[p.mentee_id].reference))


async def sign_charters(stage: Stage, pairs: Sequence[pb.Pair]) -> None:
    """Each mentee writes objectives; both sign."""

    async def sign(pair: pb.Pair) -> None:
        mentee = stage.cast.everybody()[pair.mentee_id]
        pick = stage.chance.of("objectives", mentee.reference)
        service, who = stage.client.sessions, stage.client.person
        await service.ProposeObjectives(
            sessions.ProposeObjectivesRequest(pair_id=pair.id, objectives=pick.sample(_OBJECTIVES, pick.randint(1, 3))),
            metadata=who(pair.mentee_id),
        )
        for side in (pair.mentee_id, pair.mentor_id):
            await service.SignCharter(sessions.SignCharterRequest(pair_id=pair.id), metadata=who(side))

    await stage.together(stage.words.of("charters"), sign, pairs)
    stage.say("signed", count=len(pairs))
