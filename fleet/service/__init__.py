"""The fleet's shell: sockets, clock, files; the only asyncio of the fleet.

Everything that decides lives in the core. Here a message is received, the core is asked, the answer
is made durable, and only then acknowledged and sent on.
"""
