"""The verifier: codes in, decisions out.

The core (everything but `barcode` and `service`) is pure: it takes bytes, values and `now`, and
returns values or raises one family of errors (`verifier.errors`). No clock, no environment, no
socket. What others may see of the verifier stands in `verifier.contract`.
"""
