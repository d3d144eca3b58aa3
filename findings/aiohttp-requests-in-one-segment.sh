#!/bin/sh
# aiohttp 3.14.5 forgets the requests that came in one segment with one that it refuses.
#
# HTTP/1.1 lets a client send its next request before the answer to the last one (RFC 9112, 9.3.2), and has the
# server answer in order. Seen: a POST and after it a GET with a header of 9000 bytes, which is valid and longer
# than the server takes. Sent 0.3 seconds apart: the handler runs, 200, then 400. Sent at once, as one segment:
# the handler never runs, and the only answer is 400 "Got more than 8190 bytes". Four requests
# at once, the last one too long: one 400, and nobody's handler runs. Two that are both short: two times 200.
# So a client takes the 400 for the answer to its first request, and gives up what nobody looked at. Whether
# it does depends on how the network cut the bytes.
# A client that sends ahead must send again, one by one, whatever stood before an answer 4xx that closes the
# connection. Exits 1 when this changes.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip -q --disable-pip-version-check install aiohttp==3.14.5
cat >look.py <<'PY'
import asyncio
import logging
import re
import sys

from aiohttp import web

logging.disable()
ran: list[str] = []


async def handle(request: web.Request) -> web.Response:
    ran.append(request.path)
    return web.Response()


async def ask(port: int, parts: list[bytes]) -> str:
    ran.clear()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for part in parts:
        writer.write(part)
        await writer.drain()
        await asyncio.sleep(0.3)
    answers = re.findall(rb"HTTP/1\.\d (\d+)", await reader.read())
    writer.close()
    return f"answers {b' '.join(answers).decode()}, ran {' '.join(ran) or 'nothing'}"


async def main() -> None:
    app = web.Application()
    app.router.add_route("*", "/{name}", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    post = b"POST /post HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi"
    short = b"GET /get HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    long = short[:-2] + b"Note: " + b"a" * 9000 + b"\r\n\r\n"
    cases = {"short": [post + short], "long, apart": [post, long], "long": [post + long], "three": [post * 3 + long]}
    for name, parts in cases.items():
        print(f"{name}: {await ask(port, parts)}")
    await runner.cleanup()


asyncio.run(main())
PY
env/bin/python look.py >seen
cat seen
cat >expected <<'TEXT'
short: answers 200 200, ran /post /get
long, apart: answers 200 400, ran /post
long: answers 400, ran nothing
three: answers 400, ran nothing
TEXT
cmp -s seen expected
