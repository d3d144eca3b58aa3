"""The books of a shard: a file a matter. Which there are, and their order: `fleet.shard.BOOKS`."""
