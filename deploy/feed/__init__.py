"""The sender's side of the data channel, as a demo source plays it (docs/feeds.md).

Another city's system is written after the document, not after this; what both have in common is the
contract of manifests.
"""
