"""The book of commands: promises of Idempotency-Keys, and what is recalled for them."""

import pytest

from fleet import commands
from fleet.books.commands import COMMAND, PROMISE, CommandBook, CommandOrder
from fleet.books.rows import DropRow, SetRows, SetString, Stored
from fleet.commands import CommandRecord, Order
from fleet.contract.commands import CommandState, CommandType
from fleet.errors import CommandError
from fleet.shard import Shard, Work
from tests.support.shard_messages import NAME, SHARD

T0 = 1_000_000


def order(digest: str = "d", key: str = "k") -> CommandOrder:
    """Return an order for a new command."""
    wanted = Order(type=CommandType.OPEN_GATE, caller="test")
    command = commands.create(wanted, command_id=commands.new_id(NAME), terminal=NAME, now=T0)
    return CommandOrder(command=command, key=key, digest=digest)


def strings(work: Work) -> dict[str, bytes]:
    """Return the strings that a work writes."""
    return {each.key: each.value for each in work.writes() if isinstance(each, SetString)}


def stored(given: CommandOrder) -> tuple[dict[str, bytes], CommandRecord]:
    """Store an order in a shard that is forgotten; returns its strings and its command."""
    work = Work(Shard(SHARD), T0)
    given.take(work)
    answer = given.answer(work)
    assert answer is not None
    return strings(work), answer[0]


def test_an_order_is_written_with_its_promise() -> None:
    """Command, then its entry among the open ones, then the promise."""
    work = Work(Shard(SHARD), T0)
    given = order()
    given.take(work)
    command_id, forget_at = given.command.id, given.command.forget_at
    command, opened, promise = work.writes()
    assert opened == SetRows("open", {command_id: NAME.encode()})
    assert isinstance(command, SetString)
    assert isinstance(promise, SetString)
    assert (command.key, command.forget_at) == (COMMAND.key(command_id), forget_at)
    assert (promise.key, promise.forget_at) == (PROMISE.key("k"), forget_at)
    assert given.answer(work) == (COMMAND.decode(command.value), False)


def test_a_repeated_key_finds_its_command() -> None:
    """The promise is wanted first; then, once it is recalled, the command that it stands for."""
    known, first = stored(order())
    work = Work(Shard(SHARD), T0)
    again = order()
    assert work.wants((), (again,)) == {PROMISE.key("k")}
    work.recall({PROMISE.key("k"): known[PROMISE.key("k")]})
    assert work.wants((), (again,)) == {PROMISE.key("k"), COMMAND.key(first.id)}
    work.recall({COMMAND.key(first.id): known[COMMAND.key(first.id)]})
    again.take(work)
    assert again.answer(work) == (first, True)
    assert list(work.writes()) == []


def test_a_repeated_key_in_one_batch_finds_its_command() -> None:
    """Before anything of it is stored."""
    work = Work(Shard(SHARD), T0)
    first, second = order(), order()
    first.take(work)
    second.take(work)
    answer = second.answer(work)
    assert answer is not None
    assert (answer[0].id, answer[1]) == (first.command.id, True)


def test_a_key_with_another_request_is_a_conflict() -> None:
    """Whether the promise is new or was recalled."""
    work = Work(Shard(SHARD), T0)
    order("one").take(work)
    with pytest.raises(CommandError) as caught:
        order("another").take(work)
    assert caught.value.code == "idempotency.conflict"


def test_a_promise_whose_command_is_gone_has_no_answer() -> None:
    """The caller is told that it is not known, never that it was given."""
    known, _first = stored(order())
    work = Work(Shard(SHARD), T0)
    again = order()
    work.recall({PROMISE.key("k"): known[PROMISE.key("k")]})
    again.take(work)
    assert again.answer(work) is None


def test_a_finished_command_is_no_longer_open() -> None:
    """Its string stays until it is forgotten; its entry among the open ones goes."""
    shard = Shard(SHARD)
    work = Work(shard, T0)
    given = order()
    given.take(work)
    work.settle()
    later = Work(shard, given.command.expires_at)
    later.tick()
    command, opened = later.writes()
    assert opened == DropRow("open", given.command.id)
    assert isinstance(command, SetString)
    assert COMMAND.decode(command.value).state is CommandState.EXPIRED


def test_open_commands_are_loaded() -> None:
    """By the ids in the hash; one whose string is gone was forgotten with its expiry."""
    known, first = stored(order())
    shard = Shard(SHARD)
    hashes = {"open": {first.id: NAME.encode(), "3" + "0" * 31: NAME.encode()}}
    keys = shard.strings(Stored(hashes=hashes))
    assert sorted(keys) == sorted([COMMAND.key(first.id), COMMAND.key("3" + "0" * 31)])
    found = {key: known[key] for key in keys if key in known}
    shard.load(Stored(hashes=hashes, strings=found), T0)
    assert shard[CommandBook].open == {first.id: first}
    assert shard[CommandBook].ids == {NAME: {first.id}}
