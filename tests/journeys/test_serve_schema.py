"""Whatever schemathesis makes of the OpenAPI document: no 5xx, and no answer that it does not describe.

RUIS_CASES=5000 python -m pytest -n 0 tests/journeys/test_serve_schema.py
"""

from __future__ import annotations

import os
from contextlib import suppress

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from ruis import formats
from ruis.arrays import as_image

CASES = int(os.environ.get("RUIS_CASES", "200"))


def images(kind):
    """Small images of a format, whole or cut short, or anything at all."""
    rng = np.random.default_rng(0)
    whole = [
        formats.encode(as_image(rng.integers(0, 255, shape, np.uint8))[0], kind)
        for shape in ((1, 1), (7, 5), (16, 16, 3))
    ]
    cut = st.tuples(st.sampled_from(whole), st.integers(0, 200)).map(lambda one: one[0][: one[1]])
    return st.sampled_from(whole) | cut | st.binary(max_size=200)


@pytest.mark.slow
def test_the_document_describes_every_answer(needs_serve, start, tmp_path):
    schemathesis = pytest.importorskip("schemathesis", reason="a tool of the dev extra")
    from schemathesis import checks
    from schemathesis.specs.openapi.checks import (
        content_type_conformance,
        response_headers_conformance,
        response_schema_conformance,
        status_code_conformance,
    )

    for kind in ("png", "jpeg", "tiff", "webp", "bmp", "pnm", "npy"):
        media_type = formats.FORMATS.load(kind).media_type
        schemathesis.openapi.media_type(media_type, images(kind))
    schemathesis.openapi.media_type("image/gif", st.binary(max_size=100))
    wanted = [
        checks.not_a_server_error,
        status_code_conformance,
        content_type_conformance,
        response_headers_conformance,
        response_schema_conformance,
    ]
    with start(tmp_path) as service:
        schema = schemathesis.openapi.from_url(service.url + "/openapi.json")
        operations = [result.ok() for result in schema.get_all_operations()]
        assert len(operations) == 6
        seen: dict[int, int] = {}
        for operation in operations:
            each = CASES // (3 if operation.method == "post" else 30)  # those have little to vary
            for mode in list(schemathesis.GenerationMode):
                strategy = operation.as_strategy(generation_mode=mode)

                @hypothesis.settings(
                    max_examples=each // 2 + 1,
                    deadline=None,
                    suppress_health_check=list(hypothesis.HealthCheck),
                    database=None,
                )
                @hypothesis.given(case=strategy)
                def meets(case):
                    answer = case.call()
                    seen[answer.status_code] = seen.get(answer.status_code, 0) + 1
                    case.validate_response(answer, checks=wanted)

                with suppress(hypothesis.errors.Unsatisfiable):  # without parameters, none is wrong
                    meets()
        print(f"{sum(seen.values())} cases: {dict(sorted(seen.items()))}")  # noqa: T201 - with -s
        assert sum(seen.values()) > CASES / 2
        assert {200, 422} <= set(seen)
