"""The play: people get their codes, then the chapters in their order; the stage holds the rows."""

from deploy.demo import gates, status_changes, waits
from deploy.demo.people import get_group, get_paper, get_phone
from deploy.demo.stage import HALL, METRO, MUSEUM, Stage
from deploy.demo.waits import HEALTH, Say


async def play(stage: Stage, say: Say) -> Stage:
    """Play all chapters; `say` is told what takes a while."""
    doors = stage.doors
    say("issuing codes")
    lin = await get_phone(doors, "林")
    chen = await get_phone(doors, "陈")
    wu = await get_phone(doors, "吴", sectors={"hall": 0})
    wu_new = await get_phone(doors, "吴", person=wu.person)
    wu_paper = await get_paper(doors, person=wu.person)
    red = await get_phone(doors, "红", colour="red")
    yellow = await get_phone(doors, "黄", colour="yellow")
    paper = await get_paper(doors)
    team = await get_group(doors, [lin, chen])
    mixed = await get_group(doors, [chen, red])
    he, guo, sun, tang = [await get_phone(doors, name) for name in ("何", "郭", "孙", "唐")]
    say("waiting until every worker and terminal knows everybody")
    await waits.known_to_workers(doors, HEALTH, tang.status_version)
    await waits.held_by(doors, (HALL, METRO, MUSEUM), HEALTH, tang.status_version)
    await gates.phones(stage, lin, chen, wu)
    await gates.forgeries(stage, paper, lin)
    await gates.colours(stage, red, yellow)
    await gates.groups(stage, team, mixed)
    await gates.pictures(stage, chen)
    await gates.gate(stage)
    await status_changes.lost_phone(stage, wu, wu_new, wu_paper)
    silent = await status_changes.feed(stage, sun)
    await gates.cut_off(stage, he, guo, paper)
    await status_changes.two_people(stage, tang, say)
    await status_changes.stalled(stage, silent, say)
    return stage
