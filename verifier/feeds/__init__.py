"""The data channel (打通): status from other systems, in signed batches (docs/feeds.md).

Rules of this room: bytes, values and `now` come in, values go out or a FeedRefused is raised.
"""
