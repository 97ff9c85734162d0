"""Every refusal Microtome makes, in one small tree.

    MicrotomeError
    ├── BadInput            the person can fix it: what was wrong, what was given, what to do
    │   ├── BadPrompt       empty, too long, token counts differ, not the model's tokens
    │   ├── BadAnswer       not one token, missing, unknown
    │   ├── BadSite         a head, layer, position or activation that this model does not have
    │   ├── BadRecipe       JSON that is not a recipe
    │   └── BadLink         an address that cannot be read
    ├── ModelError          the model cannot be had: unknown, offline, too large, unsupported, damaged
    ├── Busy                not now: the queue is full, or the model is still loading
    ├── Cancelled           somebody pressed cancel
    └── ExportUnavailable   no Chrome for svg, pdf and png

Callbacks and the command line catch only this tree. Anything else is a bug and surfaces with its traceback.
"""


class MicrotomeError(Exception):
    """Root of the tree; `str(error)` is one plain sentence for a person."""


class BadInput(MicrotomeError):
    """Input that is refused; nothing of the person's state is lost."""


class BadPrompt(BadInput):
    """A prompt that cannot be run."""


class BadAnswer(BadInput):
    """An answer that is not one token of this model, or is missing."""


class BadSite(BadInput):
    """A head, layer, position or activation that this model does not have."""


class BadRecipe(BadInput):
    """JSON that does not describe a computation."""


class BadLink(BadInput):
    """An address whose state cannot be read."""


class ModelError(MicrotomeError):
    """The model cannot be had: unknown, offline, too large, unsupported or damaged."""


class Busy(MicrotomeError):
    """Not now: the queue of computations is full, or the model is still loading. Asking again later helps."""


class Cancelled(MicrotomeError):
    """The computation was cancelled before it ended."""


class ExportUnavailable(MicrotomeError):
    """A picture format that needs something this machine does not have."""
