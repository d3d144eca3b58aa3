"""The fleet: the terminals of a city, their identity, presence, commands and grants.

The core (everything but `service`) is pure: it takes values and `now`, and returns
values or raises one family of errors (`fleet.errors`). No clock, no environment, no socket. What a
terminal and the fleet agree on stands in `fleet.contract`.
"""
