"""The verifier as processes: scan workers and the issuing process. The only asyncio of the room.

What is decided is decided by the core; here are sockets, the store, files, time and logs.
"""
