"""Reading the day files of a data folder, beside the process that writes them (docs/records.md).

Nothing is written here and no lock is taken: a part that the manifest lists never changes.
"""
