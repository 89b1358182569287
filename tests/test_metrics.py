"""The Prometheus endpoint."""

from aiohttp.test_utils import TestClient, TestServer

from outbound_sms import metrics


async def test_metrics_are_served_as_prometheus_reads_them() -> None:
    metrics.CALLS.labels("/a.B/C", "OK").inc()
    async with TestClient(TestServer(metrics.metrics_app())) as client:
        answer = await client.get("/metrics")
        text = await answer.text()
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    assert 'outbound_sms_rpc_calls_total{code="OK",method="/a.B/C"}' in text
