"""The feeds process: takes status from other systems, and gives records to entitled ones.

It holds no key that signs credentials, status or trust: it writes changes of planes into the store,
and the issuing process publishes them. One such process runs at a time.
"""
