import pytest

from tandem_kit.consumer import Flood, Halt, Place


def place(offset: int) -> Place:
    return ("topic", 0, offset)


def test_poison_here_and_there_is_parked() -> None:
    flood = Flood(in_a_row=3, share=0.1)
    for start in range(0, 3000, 30):
        flood.check(place(start))
        flood.parked()
        flood.note([place(n) for n in range(start + 1, start + 30)], 0)


def test_poison_after_poison_halts_until_the_record_that_halted_is_applied() -> None:
    flood = Flood(in_a_row=3, share=1)
    for offset in range(3):
        flood.check(place(offset))
        flood.parked()
    with pytest.raises(Halt):
        flood.check(place(3))
    # Other records go through meanwhile, and open no new credit.
    flood.note([("other", 0, 1)], 0)
    with pytest.raises(Halt):
        flood.check(place(3))
    flood.note([place(3)], 0)
    flood.check(place(4))


def test_too_large_a_share_halts_even_with_good_records_between_and_counts_what_waits_behind() -> None:
    flood = Flood(in_a_row=20, share=0.3)
    with pytest.raises(Halt):
        for offset in range(0, 500, 4):
            flood.check(place(offset))
            flood.parked()
            flood.note([place(offset + 1)], parked=2)
