"""The loops beside the scans: fetching bundles, looking for the centre, uploading."""
