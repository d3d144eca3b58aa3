#!/bin/sh
# mosquitto 2.0.21 queues nothing for a client that is away where listeners have their own settings.
#
# A subscriber with a kept session (MQTT 3.1.1, clean session off, QoS 1) is away while 50 messages
# of QoS 1 are published; the publisher gets a PUBACK for each. It comes back, and the broker says
# that the session is present. Seen with an access list that lets everybody read: all 50 come;
# and with `per_listener_settings true` before the very same lines: none, and no word in the log.
# (2.0.11 of Debian 12 delivers 50 in both cases.)
# So keep one access list for all listeners. Needs apt-get and dpkg; takes the programs of Debian 13
# from the mirror that the machine uses. Exits 1 when this changes.
set -eu
dir=$(mktemp -d)
trap 'kill $(cat "$dir"/pid* 2>/dev/null) 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"
chmod 755 "$dir"
mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | grep '/debian$' | sort -u | head -n 1)
mkdir -p lists/partial cache/archives/partial parts
echo "deb $mirror trixie main" >list
own="-o Dir::Etc::sourcelist=$dir/list -o Dir::Etc::sourceparts=$dir/parts -o Dir::State::lists=$dir/lists"
own="$own -o Dir::Cache=$dir/cache -o APT::Get::List-Cleanup=0 -o APT::Sandbox::User=root"
apt-get -q $own update >/dev/null 2>&1
apt-get -q $own download mosquitto=2.0.21-1 libc6 libssl3t64 libwebsockets19t64 libcjson1 libdlt2 \
    libuv1t64 libev4t64 libcap2 zlib1g libzstd1 libsystemd0 libgcc-s1 >/dev/null 2>&1
for package in *.deb; do dpkg -x "$package" root; done
python3 -m venv env
env/bin/pip -q --disable-pip-version-check install paho-mqtt==2.2.0
libraries=$(find "$dir/root" -name '*.so.*' -exec dirname {} \; | sort -u | paste -sd:)
loader=$(find "$dir/root" -name 'ld-linux-*.so.*' | head -n 1)
printf 'topic readwrite #\n' >acl
cat >look.py <<'PY'
import socket
import sys
import time

import paho.mqtt.client as mqtt

PORT, MESSAGES = int(sys.argv[1]), 50
deadline = time.monotonic() + 20
while True:  # until the broker listens
    try:
        socket.create_connection(("127.0.0.1", PORT), 1).close()
        break
    except OSError:
        if time.monotonic() > deadline:
            raise


def client(name, clean):
    return mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=name, clean_session=clean)


came, present = [], []
first = client("reader", False)
subscribed = []
first.on_subscribe = lambda *_: subscribed.append(True)
first.connect("127.0.0.1", PORT)
first.subscribe("news", 1)
while not subscribed:
    first.loop(0.1)
first.disconnect()
writer = client("writer", True)
writer.connect("127.0.0.1", PORT)
writer.loop_start()
for number in range(MESSAGES):
    writer.publish("news", str(number), 1).wait_for_publish(20)
again = client("reader", False)
again.on_message = lambda *message: came.append(message)
again.on_connect = lambda _c, _u, flags, *_: present.append(flags.session_present)
again.connect("127.0.0.1", PORT)
end = time.monotonic() + 3
while time.monotonic() < end and len(came) < MESSAGES:
    again.loop(0.1)
print(len(came), present[0])
PY
seen=
for kind in plain listener; do
    port=$(env/bin/python -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    if [ $kind = plain ]; then
        printf 'allow_anonymous true\nacl_file %s/acl\nlistener %s 127.0.0.1\n' "$dir" "$port" >conf
    else
        printf 'per_listener_settings true\nlistener %s 127.0.0.1\nallow_anonymous true\nacl_file %s/acl\n' "$port" "$dir" >conf
    fi
    "$loader" --library-path "$libraries" root/usr/sbin/mosquitto -c conf >log-$kind 2>&1 &
    echo $! >pid-$kind
    seen="$seen$kind: $(env/bin/python look.py "$port"); "
    kill "$(cat pid-$kind)"
done
echo "mosquitto 2.0.21, messages that came and whether the session was present: $seen"
[ "$seen" = "plain: 50 True; listener: 0 True; " ]
