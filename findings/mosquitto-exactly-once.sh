#!/bin/sh
# mosquitto 2.0.11 throws QoS 2 messages away, and paho-mqtt 2.2.0 reports each of them as published.
#
# max_inflight_messages is documented for outgoing messages, and 1 as the way to keep their order. Seen
# with 5: of 60 messages that paho sends with QoS 2, 20 at a time (its default), some 15 arrive with
# MQTT 3.1.1 and some 40 with MQTT 5. The broker answers each message beyond its limit with PUBREC and
# the reason 0x97, quota exceeded. MQTT 3.1.1 has no place for a reason there; paho reads none with MQTT 5
# either, and does not keep to the Receive Maximum of 5 that the broker named. is_published() is True for
# all 60, and on_publish says "Success". With QoS 1 all 60 arrive. Nothing in the broker's log but at debug.
# Give clients the broker's limit with max_inflight_messages_set(), or use QoS 1 and numbers of your own.
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
printf 'listener %s 127.0.0.1\nallow_anonymous true\nmax_inflight_messages 5\n' "$port" >conf
libraries=$(find root -name '*.so.*' -exec dirname {} \; | sort -u | paste -sd:)
LD_LIBRARY_PATH=$libraries root/usr/sbin/mosquitto -c conf >log 2>&1 &
echo $! >pid
cat >look.py <<'PY'
import sys
import threading

import paho.mqtt.client as mqtt

COUNT = 60
port = int(sys.argv[1])


def connect(name: str, protocol: int, limit: int = 20) -> mqtt.Client:
    it = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, name, protocol=protocol)
    it.max_inflight_messages_set(limit)
    up = threading.Event()
    it.on_connect = lambda *_: up.set()
    for _ in range(100):
        try:
            it.connect("127.0.0.1", port)
            break
        except ConnectionRefusedError:
            threading.Event().wait(0.05)
    it.loop_start()
    assert up.wait(10)
    return it


def send(qos: int, protocol: int, limit: int) -> tuple[int, int, set[str]]:
    """Return how many messages arrived, how many count as published, and what on_publish said."""
    topic = f"{qos}/{protocol}/{limit}"
    heard: list[bytes] = []
    said: set[str] = set()
    listening, last = threading.Event(), threading.Event()
    listener = connect(f"listener-{topic}", protocol)
    listener.on_subscribe = lambda *_: listening.set()

    def hear(_client, _data, message):
        if message.payload == b"last":
            last.set()
        else:
            heard.append(message.payload)

    listener.on_message = hear
    listener.subscribe(topic, qos)
    assert listening.wait(10)
    sender = connect(f"sender-{topic}", protocol, limit)
    sender.on_publish = lambda _client, _data, _id, reason, _properties: said.add(str(reason))
    sent = [sender.publish(topic, str(number), qos) for number in range(COUNT)]
    for one in sent:
        one.wait_for_publish(10)
    sender.publish(topic, b"last", qos).wait_for_publish(10)
    assert last.wait(10)
    for it in (sender, listener):
        it.disconnect()
        it.loop_stop()
    return len(heard), sum(one.is_published() for one in sent), said


good = True
for name, protocol in (("MQTT 3.1.1", mqtt.MQTTv311), ("MQTT 5", mqtt.MQTTv5)):
    for qos, limit, lossy in ((2, 20, True), (2, 5, False), (1, 20, False)):
        arrived, published, said = send(qos, protocol, limit)
        print(f"{name}, QoS {qos}, {limit} at a time: {arrived} of {COUNT} arrived, {published} published, {said}")
        good &= published == COUNT and said == {"Success"} and (arrived < COUNT) == lossy
sys.exit(not good)
PY
env/bin/python look.py "$port"
! grep -iE 'quota|drop|exceed' log
echo "nothing in the log"
