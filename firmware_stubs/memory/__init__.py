"""What a terminal keeps in memory alone: for swarms and tests, which have no disk a terminal."""
