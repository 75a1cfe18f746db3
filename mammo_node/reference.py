"""Pages and templates that are generated from the code, so that they cannot disagree with it.

``python -m mammo_node.reference`` writes them into a checkout; a test compares what is
there with what this module would write.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from mammo_node.config import AETitles, Settings, sections_of
from mammo_node.journal.states import render_mermaid

_BEGIN = "<!-- generated: state diagrams -->"
_END = "<!-- end of generated part -->"

_AE_TITLES_EXAMPLE = """\
# Who may send, where results go, and what each destination gets.
# After a change: mammo-node check --config FOLDER, then restart the service.

[local]
ae_title = "MAMMO_AI"
port = 11112

# One table per sender. Without any, and with accept_unknown_sources = false, nobody may send.
# [[source]]
# ae_title = "MAMMO_ROOM_1"
# addresses = ["10.1.2.0/24"]
# # By default those of [models] use.
# models = ["lesion-detector"]

# One table per archive or workstation that gets results.
# [[destination]]
# name = "pacs"
# ae_title = "PACS"
# host = "pacs.hospital.example"
# port = 104
# # Kinds: sr, gsps, cad-sr, key-objects, overview, pdf, seg.
# # Profiles: ihe-air, mammo-workstation, any-viewer, research.
# outputs = ["sr", "gsps", "overview"]

# A DICOMweb server takes results by STOW-RS. Secrets stay in files of their own.
# [[destination]]
# name = "web"
# kind = "dicomweb"
# url = "https://pacs.hospital.example/dicom-web"
# token_file = "/etc/mammo-node/web.token"
# outputs = ["any-viewer"]

# By default a study's results go to every destination with default = true.
# [[route]]
# source = "MAMMO_ROOM_1"
# destinations = ["pacs"]
"""


def settings_template() -> str:
    """Return ``mammo_node.toml`` with every key at its default, commented out."""
    lines = [
        "# Every key is optional; what is commented out shows the default.",
        "# mammo-node check prints the values in force.",
    ]
    for name, field in Settings.model_fields.items():
        section = field.annotation
        assert isinstance(section, type)  # noqa: S101 - the schema is ours
        assert issubclass(section, BaseModel)  # noqa: S101
        lines += ["", f"[{name}]"]
        for key, item in section.model_fields.items():
            lines += [f"# {item.description}", f"# {key} = {_toml(_default(item))}"]
    return "\n".join(lines) + "\n"


def ae_titles_template() -> str:
    """Return a commented ``ae_titles.toml``."""
    return _AE_TITLES_EXAMPLE


def configuration_reference() -> str:
    """Return the Markdown reference of both files."""
    parts = [
        "# Configuration reference",
        "",
        "Generated from the schema by `make docs`. Two files in one folder, by default",
        "`/etc/mammo-node`; `mammo-node check` validates them and prints what is in force.",
        "An unknown key is an error.",
        "",
        "## ae_titles.toml",
    ]
    parts += _tables(AETitles)
    parts += ["", "## mammo_node.toml"]
    parts += _tables(Settings)
    return "\n".join(parts) + "\n"


def _tables(model: type[BaseModel]) -> list[str]:
    lines: list[str] = []
    for name, field in model.model_fields.items():
        for section in sections_of(field.annotation):
            many = field.annotation is not section
            heading = f"[[{name}]]" if many else f"[{name}]"
            summary = (section.__doc__ or "").strip().splitlines()[0]
            lines += ["", f"### `{heading}`{_kind(section)}", "", summary, ""]
            lines += ["| key | default | meaning |", "| --- | --- | --- |", *_rows(section, "")]
    return lines


def _kind(section: type[BaseModel]) -> str:
    """Return how a table says that it is of this kind, where it must."""
    kind = section.model_fields.get("kind")
    if kind is None or not kind.is_required():
        return ""
    (word,) = getattr(kind.annotation, "__args__", ("",))
    return f" with `kind = {_toml(word)}`"


def _rows(section: type[BaseModel], prefix: str) -> list[str]:
    rows: list[str] = []
    for key, item in section.model_fields.items():
        nested = item.annotation
        if isinstance(nested, type) and issubclass(nested, BaseModel):
            rows += _rows(nested, f"{prefix}{key}.")
            continue
        default = "needed" if item.is_required() else f"`{_toml(_default(item))}`"
        rows.append(f"| `{prefix}{key}` | {default} | {item.description} |")
    return rows


def _default(field: Any) -> Any:
    value = field.get_default(call_default_factory=True)
    return None if value is PydanticUndefined else value


def _toml(value: Any) -> str:
    if value is None:
        return "(unset)"
    if isinstance(value, Path):
        return json.dumps(str(value))
    if isinstance(value, dict) and not value:
        return "{}"
    return json.dumps(value)


def architecture_page(current: str) -> str:
    """Return docs/architecture.md with its state diagrams renewed."""
    before, _, rest = current.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return f"{before}{_BEGIN}\n\n{render_mermaid().strip()}\n\n{_END}{after}"


def generated(root: Path) -> dict[Path, str]:
    """Return every generated file of a checkout, with its right content."""
    architecture = root / "docs" / "architecture.md"
    return {
        root / "docs" / "reference" / "configuration.md": configuration_reference(),
        architecture: architecture_page(architecture.read_text(encoding="utf-8")),
        root / "mammo_node" / "conf" / "mammo_node.toml": settings_template(),
        root / "mammo_node" / "conf" / "ae_titles.toml": ae_titles_template(),
    }


def main() -> int:
    """Write the generated files into the checkout this module lies in."""
    for path, content in generated(Path(__file__).resolve().parents[1]).items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
