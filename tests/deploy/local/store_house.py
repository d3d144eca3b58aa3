"""A small house for tests: `up` with Redis and the broker alone, everything else as in the product.

Run as a process: `python store_house.py PLAN`. The plan is what `deploy.local.launch` makes.
"""

import sys

from deploy.local import table, up, wiring

SMALL = wiring.Wiring(
    first_start=wiring.SECRETS,
    every_start=wiring.RENEWED,
    children=lambda house: (table.redis_child(house), table.mosquitto_child(house)),
)

if __name__ == "__main__":
    sys.exit(up.main(sys.argv[1:], SMALL))
