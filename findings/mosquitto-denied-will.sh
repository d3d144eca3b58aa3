#!/bin/sh
# mosquitto 2.0.11 takes a will that its access list forbids, and says so to nobody.
#
# A client connects with a will on a topic that it may not write. Seen, with MQTT 3.1.1 and with 5:
# CONNACK is Success; when the line breaks no will is published, and the log has no word of it. A
# terminal whose will stands on a wrong topic is therefore never reported dead. (A plain publish
# there is answered "Not authorized" with MQTT 5, and Success with 3.1.1.)
# So test each client's will once, by cutting its line. Needs Debian 12 (apt-get download, dpkg).
# Exits 1 when this changes.
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
printf 'topic read #\ntopic write allowed/#\n' >acl
printf 'listener %s 127.0.0.1\nallow_anonymous true\nacl_file %s/acl\n' "$port" "$dir" >conf
libraries=$(find root -name '*.so.*' -exec dirname {} \; | sort -u | paste -sd:)
LD_LIBRARY_PATH=$libraries root/usr/sbin/mosquitto -c conf >log 2>&1 &
echo $! >pid
cat >look.py <<'PY'
import socket
import sys
import threading

import paho.mqtt.client as mqtt

port = int(sys.argv[1])
heard: list[str] = []
last = threading.Event()
wills = threading.Semaphore(0)


def hear(_client, _data, message):
    heard.append(message.topic)
    if message.topic == "allowed/will":
        wills.release()
    if message.topic == "allowed/last":
        last.set()


def client(name, protocol=mqtt.MQTTv311):
    return mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, name, protocol=protocol)


def up(it):
    answer: list[str] = []
    done = threading.Event()
    it.on_connect = lambda *a: (answer.append(str(a[3])), done.set())
    for _ in range(100):
        try:
            it.connect("127.0.0.1", port)
            break
        except ConnectionRefusedError:
            threading.Event().wait(0.05)
    it.loop_start()
    assert done.wait(10)
    return answer[0]


listener = client("listener")
listener.on_message = hear
subscribed = threading.Event()
listener.on_subscribe = lambda *_: subscribed.set()
up(listener)
listener.subscribe("#", 1)
assert subscribed.wait(10)
answers = []
for name, protocol in (("three", mqtt.MQTTv311), ("five", mqtt.MQTTv5)):
    for topic in ("denied/will", "allowed/will"):
        dying = client(f"{name}-{topic[0]}", protocol)
        dying.will_set(topic, name, 1)
        answers.append(up(dying))
        dying.on_disconnect = None
        dying.loop_stop()
        dying.socket().shutdown(socket.SHUT_RDWR)
assert wills.acquire(timeout=10) and wills.acquire(timeout=10)
sender = client("sender")
up(sender)
sender.publish("allowed/last", b"", 1)
assert last.wait(10)
print(answers, sorted(heard))
expected = ["allowed/last", "allowed/will", "allowed/will"]
sys.exit(answers != ["Success"] * 4 or sorted(heard) != expected)
PY
env/bin/python look.py "$port"
! grep -qiE 'den(y|ied)' log
echo "nothing in the log"
