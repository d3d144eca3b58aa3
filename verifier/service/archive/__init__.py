"""The archiving process: closed hours to day files, and the end of what is kept (docs/records.md).

The only process that writes day files, and the one that decides when a day's records and its
person-hash key go. It holds no key that signs.
"""
