"""The books of a shard: one file for each matter.

Which there are, and their order: `fleet.shard.BOOKS`.
"""
