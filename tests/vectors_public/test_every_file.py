"""No public file is left out: each is read by a test, or excused by a reason. Runs last."""

import pytest

from tests.support.public_vectors import FOLDER, READERS, needless, unread


def test_every_file_is_read(request: pytest.FixtureRequest) -> None:
    """Known once all that read them have run."""
    if not FOLDER.is_dir():
        pytest.skip("no public vectors: ../shared/vectors is missing")
    tests = request.config.rootpath / "tests"
    ran = {str(item.path.relative_to(tests)) for item in request.session.items}
    if not ran.issuperset(READERS):
        pytest.skip("not all that read them are run")
    assert unread() == []
    assert needless() == []
