"""An answer that lay on this machine when its run was killed, made into a whole master."""

from packshot.facts.alpha import in_source_pixels
from packshot.facts.errors import TryAgain
from packshot.facts.paid_options import PaidOptions
from packshot.facts.purchase import Receipt
from packshot.world.cutouts import LARGEST_RESULT_PIXELS, alpha_of, measure_alpha, read_cutout
from packshot.world.masters import pack, unpack


def completed(packed: bytes) -> tuple[Receipt, bytes] | None:
    """The master with what is only known once its picture is decoded; None if that fails."""
    try:
        master = unpack(packed)
        receipt = master.receipt
        cutout = read_cutout(master.result, receipt.result_format, max_pixels=LARGEST_RESULT_PIXELS)
    except (TryAgain, ValueError):
        return None
    alpha = measure_alpha(alpha_of(cutout.picture))
    if alpha.box is not None and not PaidOptions.from_canonical(receipt.paid_options).crop:
        size = (receipt.source_width, receipt.source_height)
        box = in_source_pixels(alpha.box, (alpha.width, alpha.height), size)
        receipt = receipt.model_copy(update={"box_computed": box})
    return receipt, pack(receipt, master.preview, master.result, master.further)
