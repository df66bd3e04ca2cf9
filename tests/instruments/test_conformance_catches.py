"""The conformance classes would notice a driver that is wrong: each of their tests fails for at least one broken mock."""

from pathlib import Path

from eventready.instruments import conformance

pytest_plugins = "pytester"

BROKEN = ("broken_any", "broken_roles")
"""Files beside this one."""


class OnlyWhatMustFail:
    """Leaves out the tests that a broken mock is expected to pass."""

    def pytest_collection_modifyitems(self, items):
        self.expected = {(item.cls.__name__, name) for item in items for name in item.cls.must_fail}
        items[:] = [item for item in items if item.originalname in item.cls.must_fail]


def test_each_conformance_test_fails_where_it_should(pytester):
    pytester.makepyfile(**{name: Path(__file__).with_name(f"{name}.py").read_text(encoding="utf-8") for name in BROKEN})
    selection = OnlyWhatMustFail()
    files = [f"{name}.py" for name in BROKEN]
    result = pytester.inline_run("-q", "-p", "no:cacheprovider", "--tb=no", *files, plugins=[selection])

    failed = set()
    for report in result.getreports("pytest_runtest_logreport"):
        if report.failed and report.when == "call":
            _, cls, test = report.nodeid.split("::")
            failed.add((cls, test.split("[")[0]))
    assert selection.expected - failed == set(), "broken mocks that a conformance test did not notice"

    every = {name for cls in map(vars(conformance).get, conformance.__all__) for name in dir(cls) if name.startswith("test_")}
    assert every - {test for _, test in failed} == set(), "conformance tests that no broken mock has ever failed"
