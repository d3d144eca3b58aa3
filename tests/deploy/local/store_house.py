"""A small house for tests: `up` with Redis and the broker alone, everything else as in the product.

Run as a process: `python store_house.py PLAN`. The plan is what `deploy.local.launch` makes.
"""

import sys

from deploy.local import composition, table, up

SMALL = composition.HouseComposition(
    first_start=composition.SECRETS,
    every_start=composition.RENEWED,
    children=lambda house: (table.redis_child(house), table.mosquitto_child(house)),
)

if __name__ == "__main__":
    sys.exit(up.main(sys.argv[1:], SMALL))
