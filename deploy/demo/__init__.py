"""`kapok demo`: people with codes, cameras that see them, gates that decide; checked row by row.

It plays what the product does not ship (phones and people) and uses the running house only through
its doors: credentials are issued, codes shown, pictures taken, terminals steered.
"""
