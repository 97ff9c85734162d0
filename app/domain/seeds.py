"""What a seed may be: a number that NumPy, scikit-learn and PyTorch all take."""

from app.domain.errors import BadRecipe

MOST_SEED = 2**32 - 1


def check_seed(seed: int) -> None:
    """Refuse one that some of them do not take."""
    if not 0 <= seed <= MOST_SEED:
        raise BadRecipe(f"seed = {seed} is not possible; give a number from 0 to {MOST_SEED}.")
