from ruis.web.progress import KEPT_SECONDS, Progress


def test_an_end_is_known_for_a_minute():
    now = [0.0]
    progress = Progress(clock=lambda: now[0])
    progress.tell("a", "working", 0.5)
    now[0] += 1000
    assert (progress.of("a").state, progress.of("a").fraction) == ("working", 0.5)
    progress.tell("a", "done", 1.0)
    now[0] += KEPT_SECONDS
    assert progress.of("a").state == "done"
    now[0] += 1
    assert progress.of("a").state == "unknown"


def test_their_number_is_bounded():
    progress = Progress(most=3)
    for name in "abcd":
        progress.tell(name, "working", 0.0)
    assert [progress.of(name).state for name in "abcd"] == ["unknown"] + ["working"] * 3
