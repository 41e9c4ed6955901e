"""How all figures look, for what draws beside them."""

from server.api.schemas.series import Theme
from server.figures import matrix
from server.figures.style import PALETTE, TEMPLATES


def theme() -> Theme:
    return Theme(templates=TEMPLATES, palette=list(PALETTE), agreement_scale=list(matrix.SCALE), agreement_range=list(matrix.RANGE))
