"""Words of progress: rough, and never more pessimistic because nothing was heard."""

from itertools import pairwise

from callbacks.progress import TimeLeft, about, progress_text


def left(*news: tuple[int, float], total: int = 100) -> list[float | None]:
    """Seconds left after each (done, time)."""
    heard = TimeLeft()
    return [heard.heard(done, total, at) for done, at in news]


def test_it_follows_from_the_waves_that_have_finished():
    assert left((0, 10.0), (20, 12.0), (50, 15.0)) == [None, 8.0, 5.0]


def test_without_news_it_counts_down_and_never_rises():
    seconds = [
        each for each in left((0, 0.0), (20, 2.0), *[(20, 2.0 + step) for step in range(12)]) if each is not None
    ]
    assert seconds[0] == 8
    assert all(later <= earlier for earlier, later in pairwise(seconds))
    assert seconds[-1] == 0


def test_cells_that_come_at_once_say_nothing_of_those_that_are_run():
    assert left((0, 0.0), (60, 0.0), (70, 1.0))[1:] == [None, 3.0]


def test_progress_says_how_much_is_done_and_roughly_how_long_is_left():
    assert progress_text(142, 270, 53.9, "heads") == "142 / 270 heads · about 55 s left"
    assert progress_text(0, 270, None, "heads") == "0 / 270 heads · estimating"
    assert progress_text(1, 270, 600, "heads") == "1 / 270 heads · about 10 min left"
    assert progress_text(269, 270, 0.0, "heads") == "269 / 270 heads · longer than expected"


def test_an_estimate_has_no_third_digit():
    assert [about(seconds) for seconds in (0.2, 3.6, 12.3, 53.9, 89, 100)] == [
        "under 1 s", "about 4 s", "about 10 s", "about 55 s", "about 90 s", "about 2 min",
    ]  # fmt: skip
