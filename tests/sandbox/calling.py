"""A client of the sandbox and something to send, shared by its tests."""

import io

import httpx
from PIL import Image, ImageDraw

from packshot.sandbox.server import Sandbox


def picture(width: int = 400, height: int = 300, kind: str = "JPEG") -> bytes:
    """A red box on pale paper; the box spans the middle half of each side."""
    image = Image.new("RGB", (width, height), (245, 245, 243))
    box = (width // 4, height // 4, width * 3 // 4 - 1, height * 3 // 4 - 1)
    ImageDraw.Draw(image).rectangle(box, fill=(160, 40, 30))
    body = io.BytesIO()
    image.save(body, kind)
    return body.getvalue()


class Caller:
    """A client of one sandbox."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.state = sandbox.state
        self.url = sandbox.url
        self.http = httpx.Client(base_url=sandbox.url, headers={"X-Api-Key": "key"}, timeout=30)

    def cut(self, content: bytes | None = None, **fields: str) -> httpx.Response:
        """Send one picture as multipart."""
        upload = picture() if content is None else content
        return self.http.post(
            "/v1.0/removebg", data=fields, files={"image_file": ("x.mp4", upload, "video/mp4")}
        )

    def error(self, content: bytes | None = None, **fields: str) -> dict[str, str]:
        """The one error of a refused call."""
        answer = self.cut(content, **fields)
        assert answer.status_code == 400, answer.text
        return answer.json()["errors"][0]

    def form(self, **fields: str) -> httpx.Response:
        """Send a urlencoded form."""
        return self.http.post("/v1.0/removebg", data=fields)


def opened(answer: httpx.Response) -> Image.Image:
    """The picture in an answer."""
    assert answer.status_code == 200, answer.text
    return Image.open(io.BytesIO(answer.content))
