"""`kapok issue bulk`: a file of lines in, a file of results and one of errors out, resumable.

`reading` makes lines of CSV or NDJSON, `journal` keeps how far it came, `sending` asks the issuing
process. References pass through and are written nowhere.
"""
