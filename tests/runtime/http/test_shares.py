from runtime.http.shares import ConnectionShares, peer_share


class Held:
    """A connection in tests."""

    def __init__(self, *, idle: bool = True) -> None:
        self.idle = idle
        self.ended = False

    def cut(self) -> None:
        """End it."""
        self.ended = True


def joined(shares: ConnectionShares, share: str, count: int, *, idle: bool = True) -> list[Held]:
    """Open connections."""
    made = [Held(idle=idle) for _ in range(count)]
    assert all(shares.join(one, share) for one in made)
    return made


def test_one_too_many_of_a_share_ends_its_oldest_idle_one() -> None:
    """And nobody else's."""
    shares = ConnectionShares(most=100, a_caller=3)
    other = joined(shares, "peer:b", 3)
    busy = joined(shares, "peer:a", 1, idle=False)
    idle = joined(shares, "peer:a", 2)
    assert shares.join(Held(), "peer:a")
    assert [one.ended for one in (*busy, *idle, *other)] == [False, True, *[False] * 4]
    assert shares.count("peer:a") == 3


def test_a_share_of_busy_connections_is_full() -> None:
    """The newest finds no room; once one has ended, it does."""
    shares = ConnectionShares(most=100, a_caller=2)
    busy = joined(shares, "terminal:t", 2, idle=False)
    assert not shares.join(Held(), "terminal:t")
    shares.leave(busy[0])
    shares.leave(busy[0])
    assert shares.join(Held(), "terminal:t")


def test_a_full_door_ends_a_stranger_first() -> None:
    """Who has authenticated stays; without strangers the newest finds no room."""
    shares = ConnectionShares(most=4, a_caller=3)
    known = joined(shares, "key:a", 3)
    stranger = joined(shares, "peer:a", 1)[0]
    assert shares.join(Held(idle=False), "peer:b")
    assert stranger.ended
    assert not any(one.ended for one in known)
    assert not shares.join(Held(), "peer:c")


def test_a_connection_counts_for_who_authenticates_on_it() -> None:
    """Until the caller's share is used up by busy ones; then it stays a stranger's."""
    shares = ConnectionShares(most=100, a_caller=2)
    one, two = joined(shares, "peer:a", 2, idle=False)
    assert shares.move(one, "key:k")
    assert shares.move(two, "key:k")
    assert shares.move(two, "key:k")
    (three,) = joined(shares, "peer:a", 1)
    assert not shares.move(three, "key:k")
    assert (shares.count("key:k"), shares.count("peer:a")) == (2, 1)
    assert shares.move(three, "key:other")
    assert shares.count("peer:a") == 0


def test_who_authenticates_takes_the_place_of_an_own_idle_connection() -> None:
    """A gateway whose old connections are dead is not shut out by them."""
    shares = ConnectionShares(most=100, a_caller=2)
    old = joined(shares, "key:k", 2)
    (new,) = joined(shares, "peer:a", 1)
    assert shares.move(new, "key:k")
    assert [one.ended for one in old] == [True, False]
    assert (shares.count("key:k"), shares.count("peer:a")) == (2, 0)


def test_strangers_count_by_their_address() -> None:
    """The port does not matter."""
    assert peer_share(("10.0.0.1", 4711)) == peer_share(("10.0.0.1", 4712)) == "peer:10.0.0.1"
    assert peer_share(("::1", 1, 0, 0)) == "peer:::1"
    assert peer_share("") == "peer:"
