from contextlib import suppress
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from quire.faces.nublado.errors import Invalid
from quire.faces.nublado.reading import PREFIX, read_specification
from quire.labs.errors import BadReference, UnknownImage

IMAGE = "quire.local/jupyterlab:4.6.6"
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner)
    ),
    max_leaves=8,
)
_OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        name: _JSON | st.just(IMAGE) | st.lists(st.just(IMAGE), max_size=2)
        for name in ("size", "enable_debug", "reset_user_env", "image_list")
    }
    | {"image_tag": _JSON, "image_class": st.just("recommended")},
)
_ENV = st.dictionaries(st.text(max_size=4) | st.just(PREFIX), st.text() | _JSON)
_BODIES = st.fixed_dictionaries({"options": _OPTIONS | _JSON, "env": _ENV | _JSON})


@settings(deadline=None)
@given(_BODIES | _JSON)
def test_whatever_comes_is_read_or_refused(body: Any) -> None:
    with suppress(Invalid, BadReference, UnknownImage):
        read = read_specification(body, IMAGE)
        assert read.options.image == IMAGE
        assert read.prefix.startswith("/")
        assert read.prefix.endswith("/")
        assert all(isinstance(value, str) for value in read.env.values())


@settings(deadline=None)
@given(
    st.sampled_from(["/a/b", "/a/b/", "a/b/"[1:], "/", "/nb/user/r%20x/"]),
    st.booleans(),
)
def test_what_is_right_is_the_same_in_lists(prefix: str, debug: bool) -> None:
    options = {"image_class": "recommended", "size": "Small", "enable_debug": debug}
    env = {PREFIX: prefix if prefix.startswith("/") else "/"}
    plain = read_specification({"options": options, "env": env}, IMAGE)
    as_form = {name: [str(value).lower()] for name, value in options.items()}
    as_form |= {"image_tag": [], "image_list": [""]}
    assert read_specification({"options": as_form, "env": env}, IMAGE) == plain
    assert plain.options.size == "small"
    assert plain.options.enable_debug is debug
