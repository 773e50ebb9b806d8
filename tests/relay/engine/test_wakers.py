"""What wakes a parked loop: one ring for each time it slept, and an alarm that rings once."""

import errno
import math
import os
import select

import pytest

from relay.engine.wakers import Alarm, Bell


def test_a_bell_rings_once_until_it_is_heard() -> None:
    bell = Bell()
    bell.ring()
    bell.ring()
    assert os.eventfd_read(bell.descriptor) == 1
    bell.serve(select.EPOLLIN)
    bell.ring()
    assert os.eventfd_read(bell.descriptor) == 1
    bell.close()


def test_an_alarm_rings_at_its_moment_and_is_then_not_set() -> None:
    alarm = Alarm()
    with select.epoll() as poll:
        poll.register(alarm.descriptor, select.EPOLLIN)
        alarm.set(deadline=1000.0, now=0.0)
        assert alarm.deadline == 1000.0
        assert poll.poll(0) == []
        alarm.set(deadline=1.0, now=2.0)  # late already
        assert poll.poll(5) == [(alarm.descriptor, select.EPOLLIN)]
    alarm.serve(select.EPOLLIN)
    assert alarm.deadline == math.inf
    alarm.close()


def test_a_waker_is_closed_once_and_has_no_owner_to_fail() -> None:
    bell = Bell()
    with pytest.raises(OSError, match="a mistake"):
        bell.fail(OSError("a mistake"))
    bell.close()
    bell.close()
    assert bell.descriptor == -1


def test_a_timer_that_cannot_be_set_is_an_error() -> None:
    alarm = Alarm()
    alarm.close()
    with pytest.raises(OSError) as caught:
        alarm.set(2.0, 1.0)
    assert caught.value.errno == errno.EBADF
