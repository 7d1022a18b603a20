"""Of requests that come faster than they can be met only the newest counts."""

import threading

from img2imu_kit.explore.base import Latest


def test_requests_that_wait_are_replaced():
    met, go = [], threading.Event()

    def slowly(request):
        go.wait(10)
        met.append(request)

    latest = Latest(slowly)
    for request in range(500):
        latest(request)
    go.set()
    latest.wait()
    assert len(met) <= 2
    assert met[-1] == 499


def test_a_failure_does_not_end_the_service(monkeypatch):
    met, failed = [], []
    monkeypatch.setattr(threading, "excepthook", failed.append)
    latest = Latest(lambda request: met.append(1 / request))
    latest(0)
    latest.wait()
    latest(2)
    latest.wait()
    assert met == [0.5]
    assert failed[0].exc_type is ZeroDivisionError


def test_what_waits_is_met_after_a_failure(monkeypatch):
    met, begun, go = [], threading.Event(), threading.Event()
    monkeypatch.setattr(threading, "excepthook", lambda report: None)

    def fail_at_first(request):
        begun.set()
        go.wait(10)
        met.append(1 / request)

    latest = Latest(fail_at_first)
    latest(0)
    begun.wait(10)
    latest(2)  # while the first is being met
    go.set()
    latest.wait()
    assert met == [0.5]
