"""The Analytics API: catalogue, metrics, records."""
