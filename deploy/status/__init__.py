"""`kapok status`: what a running house says of itself, on one screen.

Asks through public doors and reads files of the data folder; changes nothing and starts nothing.
What a code means and what to do is one table (`advice`), which docs/runbook.md explains.
"""
