"""Settings for a process that a test starts."""

from dataclasses import asdict

from app.settings import PREFIX, Settings


def as_environment(settings: Settings) -> dict[str, str]:
    """The settings as `MICROTOME_*` variables."""
    return {f"{PREFIX}{name.upper()}": str(value) for name, value in asdict(settings).items() if value is not None}
