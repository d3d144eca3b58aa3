"""The command line: one file for each command group, no logic in any of them.

A command reads its options, calls one function of another room and prints what it returns.
Exit codes: 0 done · 1 something that should have worked did not · 2 the call is wrong, or
something is missing that only a person can put there · `kapok test`: pytest's own.
"""
