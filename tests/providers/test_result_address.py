"""Results behind an address that will never arrive, however often they are fetched."""

import pytest

from packshot.facts.errors import ImageRefused, Uncertain
from packshot.providers.line import Bounds, Line
from packshot.providers.result_address import PaidCall
from tests.providers.playing import KEY
from tests.run.nights import photo
from tests.world.played_shop import Shop, Visit, open_shop

PAID = PaidCall(address="here", charged=0.5, unit="credits")


def line_to(shop: Shop) -> Line:
    """To a provider whose results may have a thousand bytes."""
    return Line("Anybody", KEY, base_url=shop.url("/v1"), bounds=Bounds(max_answer_bytes=1000))


def test_a_result_that_is_too_large_is_charged_and_not_bought_again() -> None:
    """The charge is settled with the refusal, so the ticket goes and the picture is rejected."""
    with open_shop() as shop:
        shop.pages["/result.png"] = lambda visit: visit.answer(body=photo(size=(600, 400)))
        with pytest.raises(ImageRefused, match="1,000 bytes") as caught:
            PAID.fetched(line_to(shop), shop.url("/result.png"))
    assert (caught.value.code, caught.value.charged) == ("answer_too_large", 0.5)


@pytest.mark.parametrize("target", ["ftp://elsewhere.example/a.png", "file:///etc/passwd"])
def test_a_result_elsewhere_than_on_the_web_is_lost(target: str) -> None:
    """It is not tried again night after night: its charge is in doubt, as of all that is lost."""

    def lead_away(visit: Visit) -> None:
        visit.answer(302, b"", location=target)

    with open_shop() as shop:
        shop.pages["/result.png"] = lead_away
        with pytest.raises(Uncertain, match="not fetched from"):
            PAID.fetched(line_to(shop), shop.url("/result.png"))
