"""Sets of numbers and ranges against Python's own sets."""

from hypothesis import given
from hypothesis import strategies as st

from shipper.audit.numbers import Numbers, Range, merged, overlap, size, without

small = st.sets(st.integers(0, 300))
# Around the edge of a block, and far off.
edges = st.sets(st.integers(65_500, 65_600) | st.integers(0, 40) | st.just(10**18))


def ranges(numbers: set[int]) -> list[Range]:
    """The ranges of a set, made one number at a time."""
    found: list[Range] = []
    for number in sorted(numbers):
        if found and found[-1][1] + 1 == number:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


@given(numbers=edges, first=st.integers(0, 66_000), length=st.integers(0, 66_000))
def test_what_is_there_and_what_is_not(numbers: set[int], first: int, length: int) -> None:
    """`present` and `missing` share out every range between them."""
    held = Numbers()
    assert all(held.add(number) for number in numbers)
    asked = set(range(first, first + length))
    assert held.present(first, first + length) == ranges(asked & numbers)
    assert held.missing(first, first + length) == ranges(asked - numbers)
    assert held.within(0, 10**19) == held.count == len(numbers)
    assert all(number in held for number in numbers)
    assert first + 70_000 not in held


def test_a_second_time_is_counted() -> None:
    """A duplicate is no new number."""
    held = Numbers()
    assert [held.add(n) for n in (5, 5, 70_000, 5)] == [True, False, True, False]
    assert (held.count, held.again) == (2, 2)


@given(one=small, other=small)
def test_ranges_are_sets(one: set[int], other: set[int]) -> None:
    """Intersection, difference, union and size."""
    a, b = ranges(one), ranges(other)
    assert overlap(a, b) == ranges(one & other)
    assert without(a, b) == ranges(one - other)
    assert merged([*b, *a]) == ranges(one | other)
    assert size(a) == len(one)
