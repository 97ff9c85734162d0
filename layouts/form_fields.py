"""Fields of forms: a component with its label above it, under an id of the form's own.

`data-field` says which field it is, so that scripts can hide those that do not apply (assets/63-form.js,
assets/64-direction-form.js).
"""

from dataclasses import dataclass
from typing import Any

import dash_mantine_components as dmc
from dash import html

from layouts.attributes import attributes
from layouts.header import segments


@dataclass(frozen=True)
class FormFields:
    """Makes the fields of one form; `pattern` is that of their ids, like `form-{}`."""

    pattern: str

    def id(self, name: str) -> str:
        """Of the component of a field."""
        return self.pattern.format(name)

    def labelled(self, name: str, label: str, component: Any) -> html.Div:
        """Any component, under its label."""
        return self.bare(name, html.Span(label, className="mt-form-label"), component)

    def bare(self, name: str, *components: Any, kind: str = "") -> html.Div:
        """What has its label inside."""
        return html.Div(
            list(components), className=f"mt-form-field {kind}".strip(), **attributes(data_field=name)
        )  # fmt: skip

    def text(self, name: str, label: str, placeholder: str = "") -> html.Div:
        """One line."""
        said = attributes(aria_label=label, spellCheck="false", autoComplete="off")
        field = dmc.TextInput(id=self.id(name), value="", placeholder=placeholder, size="xs", **said)
        return self.labelled(name, label, field)

    def area(self, name: str, label: str, placeholder: str, rows: tuple[int, int] = (1, 5)) -> html.Div:
        """Several lines: at least, and at most, without scrolling."""
        field = dmc.Textarea(
            id=self.id(name), value="", size="xs", autosize=True, minRows=rows[0], maxRows=rows[1], spellCheck=False,
            placeholder=placeholder, **attributes(aria_label=label),
        )  # fmt: skip
        return self.labelled(name, label, field)

    def any_number(self, name: str, label: str, value: float | str, **limits: Any) -> html.Div:
        """A number of either sign."""
        field = dmc.NumberInput(id=self.id(name), value=value, size="xs", **limits, **attributes(aria_label=label))
        return self.labelled(name, label, field)

    def number(self, name: str, label: str, value: float | str, **limits: Any) -> html.Div:
        """0 or more."""
        return self.any_number(name, label, value, min=0, **limits)

    def select(self, name: str, label: str, data: Any, value: str | None) -> html.Div:
        """One of several choices, in a list."""
        field = dmc.Select(
            id=self.id(name), data=data, value=value, size="xs", allowDeselect=False, maxDropdownHeight=300,
            **attributes(aria_label=label),
        )  # fmt: skip
        return self.labelled(name, label, field)

    def segments(
        self, name: str, label: str, choices: tuple[tuple[str, str], ...], said: str | None = None
    ) -> html.Div:
        """One of few choices, side by side, the first at first."""
        return self.labelled(name, label, segments(self.id(name), choices, choices[0][0], said or label))

    def switch(self, name: str, label: str, checked: bool) -> html.Div:
        """On or off."""
        field = dmc.Switch(id=self.id(name), label=label, checked=checked, size="xs")
        return self.bare(name, field, kind="is-switch")


def row(*fields: html.Div) -> html.Div:
    """Fields beside each other."""
    return html.Div(list(fields), className="mt-form-row")
