#!/bin/sh
# paho-mqtt 2.2.0 calls a publish without a connection failed for ever, and sends it all the same.
#
# Seen: publish() with QoS 1 before there is a connection returns MQTT_ERR_NO_CONN, and its
# wait_for_publish() and is_published() raise RuntimeError "Message publish failed". Yet the message
# is kept; once connected it is sent, arrives, and on_publish names it with "Success". The object that
# publish() returned still raises then. QoS 0 answers the same, and is never sent.
# So a terminal that sends again what "failed" sends it twice. Ask is_connected() before publish(), go by
# on_publish and the message's number, and give messages a number of your own.
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
import sys
import threading

import paho.mqtt.client as mqtt

port = int(sys.argv[1])
heard: list[str] = []
said: list[tuple[int, str]] = []


def client(name: str) -> mqtt.Client:
    return mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, name)


def connect(it: mqtt.Client) -> None:
    for _ in range(100):
        try:
            it.connect("127.0.0.1", port)
            break
        except ConnectionRefusedError:
            threading.Event().wait(0.05)
    it.loop_start()


def state(info: mqtt.MQTTMessageInfo) -> str:
    try:
        return f"published: {info.is_published()}"
    except RuntimeError as error:
        return str(error)


listener, listening, last = client("listener"), threading.Event(), threading.Event()


def hear(_client, _data, message):
    heard.append(message.payload.decode())
    if message.payload == b"last":
        last.set()


listener.on_message = hear
listener.on_subscribe = lambda *_: listening.set()
connect(listener)
listener.subscribe("topic", 1)
assert listening.wait(10)

sender = client("sender")
sender.on_publish = lambda _client, _data, number, reason, _properties: said.append((number, str(reason)))
infos = [sender.publish("topic", f"qos {qos}, sent while away", qos) for qos in (0, 1)]
before = [(info.rc.name, state(info)) for info in infos]
up = threading.Event()
sender.on_connect = lambda *_: up.set()
connect(sender)
assert up.wait(10)
sender.publish("topic", "last", 1).wait_for_publish(10)
assert last.wait(10)
after = [state(info) for info in infos]
print("before:", before)
print("heard:", heard, "on_publish:", said)
print("after:", after)
failed = "Message publish failed: The client is not currently connected."
good = before == [("MQTT_ERR_NO_CONN", failed)] * 2 and after == [failed] * 2
good = good and heard == ["qos 1, sent while away", "last"] and (infos[1].mid, "Success") in said
sys.exit(not good)
PY
env/bin/python look.py "$port"
