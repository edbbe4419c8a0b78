"""Other people's clients of remove.bg work against the sandbox as they are.

They are no dependency: `pip install --target FOLDER removebg rembgpy`, and name the folder in
`PACKSHOT_OTHER_CLIENTS`.
"""

import base64
import io
import os
import subprocess
import sys
from importlib.machinery import PathFinder
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.sandbox.calling import Caller, picture

VARIABLE = "PACKSHOT_OTHER_CLIENTS"
REMOVEBG = """
from removebg import removebg
removebg.API_ENDPOINT = url + "/v1.0/removebg"
client = removebg.RemoveBg("key", "errors.log")
"""
REMBGPY = """
from rembgpy import bg
bg.base_url = url + "/v1.0/removebg"
client = bg.RemBg("key", "errors.log")
"""
ENCODED = "open('picture.txt').read()"


def run(api: Caller, folder: Path, client: str, call: str) -> subprocess.CompletedProcess[str]:
    """Let a client make one call, in a process of its own and in this folder."""
    name = client.split()[1]
    clients = os.environ.get(VARIABLE)
    if not clients:
        pytest.skip(f"no folder with other clients is named by {VARIABLE}")
    if PathFinder.find_spec(name, [clients]) is None:
        pytest.skip(f"{name} is not in {clients}")
    (folder / "mug.jpg").write_bytes(picture())
    return subprocess.run(
        [sys.executable, "-c", f"url = {api.url!r}\n{client}{call}"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": clients, "NO_PROXY": "127.0.0.1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def large() -> str:
    """Base64 of a picture of several megabytes."""
    noise = np.random.default_rng(1).integers(0, 255, (1500, 1500, 3), np.uint8)
    body = io.BytesIO()
    Image.fromarray(noise).save(body, "PNG")
    encoded = base64.b64encode(body.getvalue()).decode()
    assert len(encoded) > 8_000_000
    return encoded


CALLS = {
    "removebg, file": (
        REMOVEBG,
        "client.remove_background_from_img_file('mug.jpg', size='4k')",
        "mug.jpg_no_bg.png",
    ),
    "removebg, colour": (
        REMOVEBG,
        "client.remove_background_from_img_file('mug.jpg', bg_color='red')",
        "mug.jpg_no_bg.png",
    ),
    "removebg, address": (
        REMOVEBG,
        "client.remove_background_from_img_url(url + '/cdn/mug.jpg')",
        "no-bg.png",
    ),
    "removebg, base64": (
        REMOVEBG,
        f"client.remove_background_from_base64_img({ENCODED})",
        "no-bg.png",
    ),
    "rembgpy, address": (
        REMBGPY,
        "client.remove_img(url + '/cdn/mug.jpg', size='full', crop='10%', shadow=True)",
        "removed-bg.png",
    ),
    "rembgpy, base64": (
        REMBGPY,
        f"client.remove_b64({ENCODED}, bg='00ff00', bg_type='color', type='product')",
        "removed-bg.png",
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_another_client_gets_its_picture(api: Caller, tmp_path: Path, name: str) -> None:
    """By file, by address and as base64 of many megabytes, with its own defaults."""
    client, call, written = CALLS[name]
    (tmp_path / "picture.txt").write_text(large())
    done = run(api, tmp_path, client, call)
    assert done.returncode == 0, done.stderr
    with Image.open(tmp_path / written) as cutout:
        cutout.verify()
    assert api.state.charged_calls == 1


@pytest.mark.parametrize(
    ("client", "call"),
    [
        (REMOVEBG, "client.remove_background_from_img_file('mug.jpg')"),
        (REMBGPY, "client.remove_img(url + '/cdn/mug.jpg')"),
    ],
)
def test_another_client_is_told_of_an_empty_account(
    api: Caller, tmp_path: Path, client: str, call: str
) -> None:
    """It ends with the status, as with the real one."""
    api.state.change({"subscription": 0})
    done = run(api, tmp_path, client, call)
    assert done.returncode == 1
    assert "402 Client Error" in done.stderr


def test_nothing_needs_no_unit(api: Caller) -> None:
    """The region that one of these clients sends for the whole picture."""
    assert api.cut(roi="0 0 100% 100%").status_code == 200
    assert api.error(roi="1 0 100% 100%")["code"] == "invalid_roi"
