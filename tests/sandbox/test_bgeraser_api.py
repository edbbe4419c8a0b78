"""The played bgeraser: its answer, and a switch for all that nobody has published."""

import threading
import time

import httpx
import pytest

from packshot.sandbox.bgeraser_api import BgeraserSettings
from packshot.sandbox.played import PlayedAccount
from tests.sandbox.calling import Caller, opened, picture

KEY = {"Authorization": "Bearer key"}
Books = PlayedAccount[BgeraserSettings]


@pytest.fixture
def books(api: Caller) -> Books:
    """Its account as it was at first."""
    account = api.state.played["bgeraser"]
    assert isinstance(account, PlayedAccount)
    account.settings = BgeraserSettings()
    account.reset()
    return account


def cut(api: Caller, field: str = "image", content: bytes | None = None) -> httpx.Response:
    """One call."""
    files = {field: ("photo.jpg", picture() if content is None else content)}
    return api.http.post("/api/tools/bg-removal", files=files, headers=KEY)


def test_the_answer_names_an_address(api: Caller, books: Books) -> None:
    """In the shape of its quick start; the picture asks for no key."""
    told = cut(api).json()
    assert told["success"] is True
    assert list(told["data"]) == ["imageUrl", "width", "height", "format", "processingTimeMs"]
    result = httpx.get(told["data"]["imageUrl"])
    assert (opened(result).format, opened(result).size) == ("PNG", (400, 300))
    assert result.headers["x-packshot-class"] == "test"
    assert (books.charged, books.fetched_results) == (1.0, 1)


def test_the_answer_can_be_the_picture(api: Caller, books: Books) -> None:
    """As its curl example has it."""
    books.change({"answer": "binary"})
    assert opened(cut(api)).format == "PNG"


def test_buying_twice_shows(api: Caller, books: Books) -> None:
    """By what was sent: there is nothing else to ask for."""
    for content in (None, None, picture(200, 100)):
        cut(api, content=content)
    assert sorted(books.sold.values()) == [1, 2]


def test_an_address_comes_to_its_end(api: Caller, books: Books) -> None:
    """After a time that can be set."""
    books.change({"result_seconds": 0.01})
    url = cut(api).json()["data"]["imageUrl"]
    time.sleep(0.02)
    assert httpx.get(url).status_code == 404


@pytest.mark.parametrize(
    ("expected", "image", "file"), [("image", 200, 400), ("file", 400, 200), ("any", 200, 200)]
)
def test_the_form_field_is_a_switch(
    expected: str, image: int, file: int, api: Caller, books: Books
) -> None:
    """Its name was lost in the published text."""
    books.change({"upload_field": expected})
    assert [cut(api, name).status_code for name in ("image", "file", "photo")] == [
        image,
        file,
        400,
    ]


@pytest.mark.parametrize(
    ("shape", "told"),
    [
        ("nested", {"error": {"code": "INSUFFICIENT_CREDITS", "message": "Not enough credits"}}),
        ("flat", {"error": "INSUFFICIENT_CREDITS", "message": "Not enough credits"}),
        (
            "success_false",
            {
                "success": False,
                "error": {"code": "INSUFFICIENT_CREDITS", "message": "Not enough credits"},
            },
        ),
    ],
)
def test_the_shape_of_errors_is_a_switch(
    shape: str, told: dict[str, object], api: Caller, books: Books
) -> None:
    """Only the word is published, and the 402 that it comes with."""
    books.change({"error_shape": shape, "balance": 0.5})
    answer = cut(api)
    assert (answer.status_code, answer.json()) == (402, told)
    books.change({"error_shape": "text", "empty_status": 400})
    answer = cut(api)
    assert (answer.status_code, answer.text) == (400, "INSUFFICIENT_CREDITS: Not enough credits")
    assert books.charged_calls == 0


@pytest.mark.parametrize("shape", ["credits", "data", "nested", "silent", "missing"])
def test_the_shape_of_the_account_is_a_switch(shape: str, api: Caller, books: Books) -> None:
    """The guide names the endpoint and no more."""
    books.change({"account_shape": shape, "balance": 4})
    answer = api.http.get("/api/account", headers=KEY)
    assert answer.status_code == (404 if shape == "missing" else 200)
    assert ("4.0" in answer.text) == (shape in {"credits", "data", "nested"})


@pytest.mark.parametrize("said", ["", "Bearer invalid", "Bearer other", "Token key"])
def test_the_key_is_a_bearers(said: str, api: Caller, books: Books) -> None:
    """Any other is refused, for the account as well."""
    books.change({"api_key": "key"})
    headers = {"Authorization": said} if said else {}
    answers = [
        api.http.post("/api/tools/bg-removal", files={"image": picture()}, headers=headers),
        api.http.get("/api/account", headers=headers),
    ]
    assert [answer.status_code for answer in answers] == [401, 401]
    assert answers[0].json()["error"]["code"] == "UNAUTHORIZED"


def test_more_calls_at_once_than_allowed_are_refused(api: Caller, books: Books) -> None:
    """Ten by its guide; here one."""
    books.change({"calls_at_once": 1, "latency_seconds": [0.0, 0.0]})
    answers: list[int] = []
    large = picture(3000, 3000)
    api.state.change({"cutouts": "studio"})

    def call() -> None:
        answers.append(cut(api, content=large).status_code)

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(answers) == {200, 429}


def test_too_many_calls_a_minute_and_what_is_no_picture(api: Caller, books: Books) -> None:
    """Refused for nothing."""
    assert cut(api, content=b"no picture").status_code == 400
    books.change({"calls_per_window": 1})
    answer = cut(api)
    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "RATE_LIMITED")
    assert int(answer.headers["retry-after"]) > 0
    assert books.charged_calls == 0


def test_faults_can_be_ordered(api: Caller, books: Books) -> None:
    """For calls, for the account and for results, in its own words."""
    faults = [
        {"kind": "degraded", "on": "bgeraser"},
        {"kind": "status_502", "on": "bgeraser"},
        {"kind": "status_403", "on": "bgeraser_account"},
        {"kind": "status_503", "on": "bgeraser_result"},
    ]
    api.http.post("/_sandbox/faults", json=faults)
    told = cut(api, content=picture(1200, 1000)).json()["data"]
    assert told["width"] < 600
    assert "html" in cut(api).headers["content-type"]
    assert api.http.get("/api/account", headers=KEY).status_code == 403
    assert [httpx.get(told["imageUrl"]).status_code for _ in "ab"] == [503, 200]
    assert books.charged_calls == 1
