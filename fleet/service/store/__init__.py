"""The fleet's part of Redis, prefix `f:`; one file for each key family.

Table of keys: docs/store-fleet.md.
All keys of one shard share the hash tag `{sX}`. Every write about a shard goes through one function
in Redis that first compares the lease's fencing number: a process that lost the shard writes
nothing.
"""
