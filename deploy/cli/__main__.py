"""`python -m deploy.cli`: what the script `kapok` runs."""

import sys

from deploy.cli.app import main

sys.exit(main())
