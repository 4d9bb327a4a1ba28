from __future__ import annotations

import discord
import pytest

from bot.batches import rendering
from bot.batches.formats import Format
from bot.batches.job import Job, Place, job_as_json, read_job
from bot.batches.plan import Command, Options
from bot.batches.progress import Progress
from bot.batches.summary import Fault, Summary
from tests.locales.pseudo import marked, unmarked

OPTIONS = Options(Command.ZERO_SHOT, labels=("ä", "ö"), checkpoint="ü")
JOB = Job(1, "ß", Format.CSV, None, OPTIONS, ("é",) * 30, "é", "è", Place(1, "", 0.0, None), locale="de")
WRITTEN_BY_PEOPLE = set("ßäöüéè")


def shown(number: int) -> list[discord.Embed]:
    """Return all that is shown of a file with so many rows."""
    fault = Fault(number, "ß")
    whole = Summary(number, number, 0, 0, (), (), 0)
    return [
        rendering.asking_column(JOB),
        rendering.asking_to_start(JOB, Progress(number, 0, 0)),
        rendering.asking_to_start(JOB, Progress(number, 0, 0, 2.5, 70)),
        rendering.waiting(JOB),
        rendering.working(JOB, Progress(number, 0, number, 2.5, 70), stopping=True),
        rendering.working(JOB, Progress(number, 0, number, 25, 70)),
        rendering.finished(JOB, whole, 10, 0),
        rendering.finished(JOB, whole, 0.5, 0),
        rendering.finished(JOB, Summary(number, 1, number + 1, number, (fault,), (), number), 10, number),
    ]


@pytest.mark.parametrize("number", [1, 1_234])
def test_nothing_is_shown_that_cannot_be_translated(number: int) -> None:
    with marked():
        embeds = shown(number)
    for embed in embeds:
        texts = [embed.description or "", embed.footer.text or ""]
        texts += [text for field in embed.fields for text in (field.name or "", field.value or "")]
        left = unmarked("\n".join(texts))
        assert {one for one in left if one.isalpha()} <= WRITTEN_BY_PEOPLE, left


def test_a_file_is_answered_in_the_language_in_which_it_was_given() -> None:
    kept = read_job(job_as_json(JOB))

    assert kept is not None
    assert kept.locale == "de"
    of_an_earlier_version = job_as_json(JOB).replace(',"locale":"de"', "")
    assert (read_job(of_an_earlier_version) or JOB).locale == "en"
