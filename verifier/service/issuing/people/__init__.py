"""Persons, their credentials and their phones."""
