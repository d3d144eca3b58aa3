"""A synthetic city: people who do not exist, as many as one asks for, made by a seed and loaded.

For trying a house at the size of a city. `maker` draws, `folder` reads and writes files, `loader`
puts them into a running house. No part of it is used to issue to real people.
"""
