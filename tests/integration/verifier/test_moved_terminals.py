"""A terminal that moved to another place: what it scanned before is still the place's of then."""

from typing import Any

from tests.support.centre import ADMIN_KEY, ONCE, centre, eventually, new_scan_id, shown
from tests.support.operators import operator_token
from verifier.contract.reasons import Reason
from verifier.contract.vocabulary import Colour, Plane

THEN, NOW = "metro-1", "metro-2"
BODY = {"decision": "pass", "reason": "identity_checked"}
YELLOW = 100


def test_a_review_is_closed_at_the_place_where_it_was_made() -> None:
    """Two places of one zone, so that both would find the scan."""
    rule = dict(ONCE) | {"review_colours": ["yellow"]}
    rule["use"] = dict(rule["use"]) | {"scope": "zone:metro"}
    with centre((rule, rule | {"place": NOW})) as house:
        house.publish_plane(Plane.HEALTH, {YELLOW: int(Colour.YELLOW)}, fill=1)
        house.worker()
        scan_id = new_scan_id()

        def reason() -> Any:
            return house.scan(shown(YELLOW), scan_id=scan_id).body.get("reason")

        eventually("it is a review", lambda: reason() == Reason.STATUS_YELLOW)
        house.grant(place=NOW)
        path = f"/v1/scans/{scan_id}/resolve"

        def resolved(place: str) -> tuple[int, Any]:
            answer = house.ask("POST", path, BODY, key=operator_token(place=place))
            return answer.status, answer.body.get("code")

        def moved() -> bool:
            lines = house.ask("GET", "/v1/records", key=ADMIN_KEY).body["records"]
            house.scan(shown(YELLOW), scan_id=new_scan_id())
            return any(line["place"] == NOW for line in lines)

        eventually("the grant is followed", moved)
        assert resolved(NOW) == (403, "operator.area")
        assert resolved(THEN) == (200, None)
