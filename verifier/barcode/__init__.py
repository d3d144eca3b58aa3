"""Pictures and text: `render` draws QR symbols, `scan` reads them, `picture` guards the way in.

Rules of this room. Only pictures and text: what a text means is the business of `verifier.codes`.
Pictures come from strangers, so every one is bounded and taken apart before a decoder sees it.
"""
