"""The Python in the how-tos runs, top to bottom, as a reader would type it."""

import re

import pytest

PAGES = {
    "README.md": (),
    "docs/how-to-denoise.md": (),
    "docs/how-to-batch.md": ("distributed", "cryptography"),
    "docs/how-to-inspect.md": (),
    "docs/how-to-uncertainty.md": (),
    "docs/how-to-large.md": ("zarr", "dask"),
    "docs/how-to-train.md": ("keras",),
    "docs/how-to-serve.md": ("fastapi", "uvicorn", "python_multipart", "prometheus_client"),
    "docs/how-to-scientific.md": ("pydicom",),
    "docs/how-to-share.md": (),
    "docs/how-to-train-pairs.md": ("keras",),
    "docs/how-to-train-clean.md": ("keras",),
    "docs/how-to-train-noisy.md": ("keras",),
    "docs/how-to-train-two-shots.md": ("keras",),
    "docs/how-to-train-one-image.md": ("keras",),
    "docs/how-to-train-refine.md": ("keras",),
    "docs/how-to-anomaly.md": ("keras",),
    "docs/how-to-features.md": ("keras", "matplotlib"),
    "docs/how-to-pretrained.md": ("keras",),
    "docs/article.md": ("keras", "matplotlib"),
}
"""The pages, and what they need beside the package."""


def python_in(text: str) -> str:
    return "\n".join(re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL))


@pytest.mark.parametrize("page", PAGES)
def test_the_python_of_a_page_runs(page, repository, tmp_path, monkeypatch):
    for needed in PAGES[page]:
        pytest.importorskip(needed, reason=f"the page needs {needed}: an extra")
    monkeypatch.chdir(repository)
    code = python_in((repository / page).read_text(encoding="utf-8"))
    assert code, f"{page} shows no Python"
    exec(compile(code, page, "exec"), {"__name__": "page"})


def test_a_page_that_is_wrong_would_fail():
    with pytest.raises(AssertionError):
        exec(python_in("```python\nassert 1 == 2\n```\n"), {})
