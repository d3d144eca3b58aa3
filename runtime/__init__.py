"""What every process stands on: clock, files, logs, settings. A leaf, without imports of ours."""
