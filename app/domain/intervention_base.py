"""What interventions of all kinds share: where reference values come from, and what is held in the whole run."""

from typing import Literal

Reference = Literal["background", "prompts", "corrupted"] | tuple[str, ...]
"""`background`: the texts that come with the model. `prompts`, `corrupted`: the recipe's own clean or corrupted
prompts. Otherwise the texts themselves."""
Frozen = Literal["pattern", "scale"]
