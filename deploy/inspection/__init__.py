"""Looking at codes from the command line: what was shown, what is known, what came of each step.

For people (support, teams that test a format), never for a gate: nothing here claims a use, keeps a
record or lets anybody pass. Judging is the verifier's core alone; files and doors are read in
`inputs` and `knowing`, everything else is pure.
"""
