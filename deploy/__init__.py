"""Puts the house on a machine: the command line, the local supervisor and their assets.

The only room that may see all others. It starts processes and asks their doors; it decides nothing
about codes and nothing about terminals.
"""
