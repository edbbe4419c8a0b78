"""Help that shows required arguments as such, and types only where they say something."""

from typing import Any

from typer.core import TyperCommand

NEEDED = frozenset({"[MANIFEST]", "[DESTINATION]"})
"""Optional for Typer, because a job file or a plan may name them."""


class Command(TyperCommand):
    """A command with tidy help."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:  # noqa: ANN401  Typer's own context
        """The usage line, required arguments without brackets."""
        pieces = super().collect_usage_pieces(ctx)
        return [piece.strip("[]") if piece in NEEDED else piece for piece in pieces]

    def get_params(self, ctx: Any) -> list[Any]:  # noqa: ANN401
        """All parameters; `<str>` and `<bool>` are no news to anybody."""
        params = super().get_params(ctx)
        for param in params:
            if param.param_type_name == "argument":
                vars(param)["display_type_rich"] = _untold
            elif param.name == "help":
                param.metavar = ""
        return params


def _untold(ctx: Any) -> str:  # noqa: ANN401
    del ctx
    return ""
