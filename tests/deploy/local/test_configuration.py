"""What a start finds of the one before it: configuration and copies of keys."""

import sys
from pathlib import Path

from deploy.local import configuration
from deploy.local.house import House, Ports


def a_house(folder: Path) -> House:
    """Return a house whose folder of this start is there."""
    (folder / "run").mkdir(parents=True)
    return House(
        data=folder,
        code=folder,
        sockets=folder / "s",
        ports=Ports(),
        python=Path(sys.executable),
        pythonpath="",
        own_ports=(),
    )


def test_what_a_killed_house_left_is_removed(tmp_path: Path) -> None:
    """Copies of keys and settings go at the next start; what is no folder stays."""
    house = a_house(tmp_path / "data")
    house.credentials("worker-7").mkdir(parents=True)
    (house.credentials("worker-7") / "worker.key").write_text("secret")
    configuration.write(house, house.settings("worker-7"), b"{}")
    (house.run / "endpoints.json").write_text("{}")
    configuration.begin(house)
    left = {str(path.relative_to(house.run)) for path in house.run.rglob("*")}
    assert left == {"credentials", "configuration", "endpoints.json"}
    assert configuration.folder_of(house.data) == house.run


def test_copies_of_keys_go_with_the_house(tmp_path: Path) -> None:
    """When it stops in order."""
    house = a_house(tmp_path / "data")
    configuration.begin(house)
    (house.run / "credentials" / "issuing").mkdir()
    (house.run / "credentials" / "issuing" / "issuer.pem").write_text("secret")
    configuration.end(house)
    assert not (house.run / "credentials").exists()


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    """Only folders are removed, whatever a name leads to."""
    house = a_house(tmp_path / "data")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "kept").write_text("kept")
    (house.run / "issuing").symlink_to(tmp_path / "elsewhere")
    configuration.begin(house)
    assert (tmp_path / "elsewhere" / "kept").read_text() == "kept"
