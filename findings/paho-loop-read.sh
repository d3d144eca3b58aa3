#!/bin/sh
# paho-mqtt 2.2.0 `loop_read(max_packets)` does not read as many packets as its caller says.
#
# For an application with a loop of its own. 400 messages lie in the socket. Seen: loop_read(1) and
# loop_read(100) read one of them each. After publish() of 300 messages with QoS 1, which the broker has
# yet to acknowledge, loop_read(1) reads 300, and calls on_message 300 times before it returns.
# Cause: its first step sets max_packets to the number of messages that the client holds, or to 1.
# So a terminal that sends much is kept away from its own loop for that long, one that sends nothing does a
# round of its loop for each message, and neither can take part of what came and leave the rest to the
# broker. In on_message only put the message in a queue of your own, and bound that queue.
# Needs Debian 12 (apt-get download, dpkg). Exits 1 when this changes.
set -eu
dir=$(mktemp -d)
trap 'kill "$(cat "$dir/pid" 2>/dev/null)" 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"
chmod 755 "$dir"
apt-get -q download mosquitto=2.0.11-1.2+deb12u2 libwebsockets17 libcjson1 libdlt2 libuv1 libev4 >/dev/null 2>&1
for package in *.deb; do dpkg -x "$package" root; done
python3 -m venv env
env/bin/pip -q --disable-pip-version-check install paho-mqtt==2.2.0
port=$(env/bin/python -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
printf 'listener %s 127.0.0.1\nallow_anonymous true\n' "$port" >conf
libraries=$(find root -name '*.so.*' -exec dirname {} \; | sort -u | paste -sd:)
LD_LIBRARY_PATH=$libraries root/usr/sbin/mosquitto -c conf >log 2>&1 &
echo $! >pid
cat >look.py <<'PY'
import array
import fcntl
import sys
import termios
import threading
import time

import paho.mqtt.client as mqtt

port = int(sys.argv[1])
heard: list[bytes] = []


def client(name: str) -> mqtt.Client:
    it = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, name)
    for _ in range(100):
        try:
            it.connect("127.0.0.1", port)
            break
        except ConnectionRefusedError:
            threading.Event().wait(0.05)
    return it


def lying() -> int:
    size = array.array("i", [0])
    fcntl.ioctl(reader.socket(), termios.FIONREAD, size)
    return size[0]


def read(most: int) -> int:
    before = len(heard)
    reader.loop_read(most)
    return len(heard) - before


reader, subscribed = client("reader"), threading.Event()
reader.on_message = lambda _client, _data, message: heard.append(message.payload)
reader.on_subscribe = lambda *_: subscribed.set()
reader.subscribe("in", 0)
end = time.monotonic() + 10
while not subscribed.is_set() and time.monotonic() < end:
    reader.loop(0.1)
sender = client("sender")
sender.loop_start()
for number in range(400):
    sender.publish("in", f"{number:03}", 0)
sender.publish("elsewhere", b"", 1).wait_for_publish(10)
# a message is 9 bytes: 2 of header, 2 of length, "in" and 3 digits
while lying() < 400 * 9 and time.monotonic() < end:
    time.sleep(0.02)
found = [f"asked for {most}: {read(most)}" for most in (1, 100)]
for _ in range(300):
    reader.publish("out", b"", 1)
found.append(f"300 messages sent, asked for 1: {read(1)}")
print(", ".join(found))
sys.exit(found != ["asked for 1: 1", "asked for 100: 1", "300 messages sent, asked for 1: 300"])
PY
env/bin/python look.py "$port"
