"""Other people's clients for Node work against the sandbox as they are.

They are no dependency: `npm install --prefix FOLDER remove.bg photoroom-sdk`, and name the folder
in `PACKSHOT_OTHER_CLIENTS`. The addresses they call stand in their code, so Node is told before it
loads them where those hosts are.
"""

import base64
import io
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from tests.sandbox.calling import Caller, picture
from tests.sandbox.test_other_clients import VARIABLE, large

ELSEWHERE = """
const http = require("http"), https = require("https");
const sandbox = new URL(process.env.SANDBOX);
https.request = (options, heard) => http.request({
  ...options, protocol: "http:", agent: undefined, servername: undefined,
  headers: { ...options.headers, host: sandbox.host },
  host: sandbox.hostname, hostname: sandbox.hostname, port: sandbox.port,
}, heard);
const real = globalThis.fetch;
globalThis.fetch = (url, how) => real(sandbox.origin + new URL(url).pathname, how);
"""
REMOVEBG = """
const { %s: cut } = require("remove.bg");
const options = { apiKey: "key", size: "full", outputFile: "cut.png", ...%s };
cut(options).then(told => console.log(JSON.stringify(told.creditsCharged)))
  .catch(errors => { console.error(JSON.stringify(errors)); process.exit(1); });
"""
PHOTOROOM = """
const Photoroom = require("photoroom-sdk");
const fs = require("fs");
const client = new Photoroom(process.env.KEY, %s);
client.removeBgFromImage({ image_file_b64: fs.readFileSync("picture.txt", "utf8"), size: "full" })
  .then(told => fs.writeFileSync("cut.png", told.result_b64.split(",")[1], "base64"))
  .catch(error => { console.error(String(error)); process.exit(1); });
"""
BY_FILE = ("removeBackgroundFromImageFile", '{ path: "mug.jpg" }')
CALLS = {
    "remove.bg, file": REMOVEBG % BY_FILE,
    "remove.bg, address": REMOVEBG
    % ("removeBackgroundFromImageUrl", '{ url: process.env.SANDBOX + "/cdn/mug.jpg" }'),
    "remove.bg, base64": REMOVEBG
    % (
        "removeBackgroundFromImageBase64",
        '{ base64img: require("fs").readFileSync("picture.txt", "utf8") }',
    ),
    "photoroom-sdk": PHOTOROOM % "undefined",
    "photoroom-sdk, JSON": PHOTOROOM % "{ base64: true }",
}


def run(api: Caller, folder: Path, script: str) -> subprocess.CompletedProcess[str]:
    """Let a client make one call, in a process of its own and in this folder."""
    modules = Path(os.environ.get(VARIABLE, "nowhere")) / "node_modules"
    node = shutil.which("node")
    if node is None or not modules.is_dir():
        pytest.skip(f"no Node, or no `node_modules` in the folder that {VARIABLE} names")
    (folder / "mug.jpg").write_bytes(picture())
    (folder / "elsewhere.js").write_text(ELSEWHERE)
    return subprocess.run(
        [node, "-r", "./elsewhere.js", "-e", script],
        cwd=folder,
        env=os.environ
        | {
            "NODE_PATH": str(modules),
            "SANDBOX": api.url,
            "KEY": "planted-key",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("name", CALLS)
def test_a_client_for_node_gets_its_picture(api: Caller, tmp_path: Path, name: str) -> None:
    """By file, by address and as base64 of many megabytes, with its own empty fields."""
    small = base64.b64encode(picture()).decode()
    (tmp_path / "picture.txt").write_text(large() if name.startswith("remove.bg") else small)
    done = run(api, tmp_path, CALLS[name])
    assert done.returncode == 0, done.stderr
    with Image.open(io.BytesIO((tmp_path / "cut.png").read_bytes())) as cutout:
        cutout.verify()
    if name.startswith("remove.bg"):
        assert (api.state.charged_calls, json.loads(done.stdout)) == (1, "1")
    else:
        assert api.state.snapshot()["providers"]["photoroom"]["charged_calls"] == 1


def test_a_client_for_node_is_told_of_an_empty_account(api: Caller, tmp_path: Path) -> None:
    """In the words of the real one."""
    api.state.change({"subscription": 0})
    done = run(api, tmp_path, REMOVEBG % BY_FILE)
    assert done.returncode == 1
    assert json.loads(done.stderr)[0]["title"] == "Insufficient credits"
