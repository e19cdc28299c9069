"""The form by which JupyterHub asks a user for a lab: a fragment of HTML."""

from collections.abc import Mapping
from html import escape

from quire.labs.lab import Resources

_GIB = 1024**3
_FORM = """\
<fieldset class="quire-lab">
<legend>Image</legend>
<label><input type="radio" name="image_list" value="{image}" checked> {image}</label>
</fieldset>
<fieldset class="quire-lab">
<legend>Size</legend>
{sizes}
</fieldset>
<fieldset class="quire-lab">
<legend>Options</legend>
<label><input type="checkbox" name="enable_debug" value="true"> Tell more in the log</label>
<label><input type="checkbox" name="reset_user_env" value="true"> Put my settings aside</label>
</fieldset>
"""
_SIZE = (
    '<label><input type="radio" name="size" value="{name}"{checked}>'
    " {title} ({cpu:g} CPU, {memory:.3g} GiB)</label>"
)
_USUAL = "small"


def lab_form(image: str, sizes: Mapping[str, Resources]) -> str:
    """Return the form."""
    usual = _USUAL if _USUAL in sizes else next(iter(sizes), "")
    shown = [
        _SIZE.format(
            name=escape(name),
            checked=" checked" * (name == usual),
            title=escape(name.capitalize()),
            cpu=limits.cpu,
            memory=limits.memory / _GIB,
        )
        for name, limits in sizes.items()
    ]
    return _FORM.format(image=escape(image), sizes="\n".join(shown))
