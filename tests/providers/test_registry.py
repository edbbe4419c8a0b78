"""Every provider can be made by name, and a wrong wish is answered with what would do."""

import pytest

from packshot.facts.errors import BadOption
from packshot.facts.purchase import PurchaseClass
from packshot.providers.face import Provider
from packshot.providers.registry import PROVIDERS, Access, build

HERE = ("local", "rembg")
"""On this machine, for nothing."""


def made(name: str, **wishes: str | None) -> Provider:
    """A provider with the usual settings."""
    return build(
        name,
        Access(
            api_key=wishes.get("api_key") or "",
            base_url=wishes.get("base_url"),
            wire_format=wishes.get("wire_format") or "zip",
            calls_at_once=1,
        ),
    )


def with_settings(own: dict[str, str]) -> Access:
    """An account, and what only one provider knows."""
    return Access(
        api_key="planted-key",
        base_url=None,
        wire_format="zip",
        calls_at_once=1,
        provider_settings=own,
    )


@pytest.mark.parametrize("name", sorted(PROVIDERS.keys() - {"rembg"}))  # that one needs a file
def test_a_provider_answers_to_its_name(name: str) -> None:
    """The word in the registry is the word in receipts."""
    provider = made(name, api_key="planted-key")
    assert (provider.name, provider.pace.calls_at_once) == (name, 1)
    provider.close()


def test_the_registry_says_what_each_is_worth() -> None:
    """One line each: the key's variable, a description, a class."""
    for name, entry in PROVIDERS.items():
        here = name in HERE
        assert entry.purchase_class is (PurchaseClass.FREE if here else PurchaseClass.PAID)
        assert entry.key_variable == (None if here else f"{name.upper()}_API_KEY")
    assert all(entry.description for entry in PROVIDERS.values())


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    """A typo costs one look."""
    with pytest.raises(BadOption, match=r"no provider `removbg`; there are local, removebg"):
        made("removbg")


@pytest.mark.parametrize("key", [None, "", "  "])
def test_a_missing_key_says_where_it_is_looked_for(key: str | None) -> None:
    """Both places are named: the variable and the Secret block."""
    with pytest.raises(BadOption, match=r"REMOVEBG_API_KEY.*`packshot-removebg-key`"):
        made("removebg", api_key=key)


@pytest.mark.parametrize(
    ("name", "wishes"),
    [
        ("removebg", {"wire_format": "tiff"}),
        ("removebg", {"base_url": "nowhere"}),
        ("local", {"base_url": "https://api.remove.bg"}),
        ("rembg", {"base_url": "https://api.remove.bg"}),
    ],
)
def test_a_wish_that_cannot_be_met_is_refused(name: str, wishes: dict[str, str]) -> None:
    """No setting is dropped in silence."""
    with pytest.raises(BadOption):
        made(name, api_key="planted-key", **wishes)


def test_settings_that_only_one_knows_reach_it() -> None:
    """What the others share is said apart."""
    provider = build("photoroom", with_settings({"calls_per_minute": "7"}))
    assert provider.pace.per_window == 7
    provider.close()


@pytest.mark.parametrize("name", ["backgroundcut", "bgeraser"])
def test_an_unknown_setting_is_answered_with_the_known_ones(name: str) -> None:
    """Each provider has its own, and no other's."""
    with pytest.raises(BadOption, match=r"no setting `speed`; there are .*calls_per_minute"):
        build(name, with_settings({"speed": "9"}))


def test_access_hides_its_key() -> None:
    """It may end up in a log."""
    access = Access(api_key="planted-key", base_url=None, wire_format="zip", calls_at_once=1)
    assert "planted-key" not in repr(access)


@pytest.mark.parametrize(
    ("name", "said"),
    [("local", "remove `provider_settings.local`"), ("removebg", "there are host, auth")],
)
def test_settings_that_a_provider_does_not_have_are_refused(name: str, said: str) -> None:
    """Nothing is passed over in silence."""
    with pytest.raises(BadOption, match=said):
        build(name, with_settings({"mode": "async"}))
