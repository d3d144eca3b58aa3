"""MQTT: the only place of the fleet that knows paho."""
