"""What each of the verifier's processes has: settings, keys, floors, metrics, its audit log."""
