"""Pictures of which there is nothing to cut, told before anything is bought."""

from packshot.facts.outcome import TRANSPARENT_ALREADY, WHITE_ALREADY
from packshot.world.pictures import PictureFacts, already_cut_out, decode_upright
from packshot.world.white_ground import MEASURED_SIDE, has_white_ground


def needless(content: bytes, facts: PictureFacts, *, skip_white: bool) -> str | None:
    """The code of why a picture need not be cut, if so."""
    if facts.has_alpha and already_cut_out(decode_upright(content)):
        return TRANSPARENT_ALREADY
    if skip_white and has_white_ground(decode_upright(content, MEASURED_SIDE)):
        return WHITE_ALREADY
    return None
