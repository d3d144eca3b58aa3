from verifier.service.worker.metrics import Metrics


def test_counters_come_out_in_the_text_format() -> None:
    """With the worker's name on each."""
    metrics = Metrics("worker-7")
    metrics.scans["pass", "", "CC1"] = 3
    metrics.open_stance = 2
    metrics.time(0.003)
    metrics.time(9.0)
    metrics.batches = {1: 2, 64: 1}
    metrics.stored = 42
    text = metrics.text().decode()
    assert (
        'verifier_scans_total{format="CC1",outcome="pass",reason="",worker="worker-7"} 3.0' in text
    )
    assert 'verifier_open_stance_passes_total{worker="worker-7"} 2.0' in text
    assert 'verifier_scan_seconds_bucket{le="0.005",worker="worker-7"} 1.0' in text
    assert 'verifier_scan_seconds_bucket{le="+Inf",worker="worker-7"} 2.0' in text
    assert 'verifier_flight_scans_sum{worker="worker-7"} 42.0' in text
    assert 'verifier_flight_scans_count{worker="worker-7"} 3.0' in text
