"""Parameters that are set for a time, looked at past the runner, and put back exactly as they were."""

import pytest
from psycopg import sql

from jitbot.errors import RunnerRefused, RunnerUnsure
from jitbot.model import HealthState
from jitbot.runners.postgres import places
from jitbot.runners.postgres.parameter import PostgresParameter
from tests.postgres import PASSWORD, APostgres, a_name

FOR_ALL = "SELECT name, setting FROM pg_file_settings WHERE sourcefile LIKE '%%auto.conf' ORDER BY seqno"
FOR_SOME = """
SELECT d.datname, r.rolname, s.setconfig FROM pg_db_role_setting s
LEFT JOIN pg_database d ON d.oid = s.setdatabase LEFT JOIN pg_roles r ON r.oid = s.setrole ORDER BY 1, 2
"""


class Setting:
    """A runner with a parameter to set, and all that was set before."""

    def __init__(self, server: APostgres, **more) -> None:
        self.server, self.runner = server, PostgresParameter(server.site)
        values = {"parameter": "work_mem", "value": "64MB", **more}
        self.inputs = self.runner.Inputs.model_validate(server.inputs(**values))
        self.before = self.all_set()

    def all_set(self):
        return self.server.rows(FOR_ALL), self.server.rows(FOR_SOME)

    def plan(self):
        return self.runner.plan(self.inputs)

    def start(self, run):
        return self.runner.start(self.inputs, run)

    def undo(self, run, receipt=None):
        self.runner.undo(self.inputs, receipt, run)

    def check(self):
        return self.runner.check(self.inputs, None)


@pytest.fixture
def login(server: APostgres) -> str:
    """Make a login that jitbot may alter."""
    name = server.login()
    if server.version >= 16:
        server.admin("GRANT {} TO jitbot WITH ADMIN OPTION", name)
    return name


@pytest.fixture
def database(server: APostgres):
    name = a_name("shop")
    server.admin("CREATE DATABASE {} OWNER jitbot", name)
    yield name
    server.admin("DROP DATABASE IF EXISTS {}", name)


@pytest.fixture
def may_set(server: APostgres):
    """Let jitbot set some parameters for the whole server, and reset all of it afterwards."""
    for name in ("work_mem", "max_connections", "search_path", "log_statement"):
        server.admin("GRANT ALTER SYSTEM ON PARAMETER {} TO jitbot", name)
    yield
    server.admin("ALTER SYSTEM RESET ALL")
    server.admin("SELECT pg_reload_conf()")


@pytest.fixture(params=["server", "login", "database", "both"])
def place(request, may_set, login, database):
    """Name each place where a parameter can be set."""
    named = {"login": {"login": login}, "database": {"in_database": database}}
    return {"server": {}, "both": {**named["login"], **named["database"]}, **named}[request.param]


def preset(server: APostgres, place, parameter: str, words: str) -> None:
    login, database = place.get("login"), place.get("in_database")
    if login and database:
        server.admin(f"ALTER ROLE {{}} IN DATABASE {{}} SET {parameter} TO {words}", login, database)
    elif login or database:
        server.admin(f"ALTER {'ROLE' if login else 'DATABASE'} {{}} SET {parameter} TO {words}", login or database)
    else:
        server.admin(f"ALTER SYSTEM SET {parameter} TO {words}")


@pytest.mark.parametrize("known", [True, False], ids=["with a receipt", "without a receipt"])
def test_what_was_not_set_is_not_set_again(server, run, place, known) -> None:
    setting = Setting(server, **place)
    plan = setting.plan()
    assert ": not set" in plan.diff
    assert "'64MB' (a bare number counts kB)" in plan.diff
    receipt = setting.start(run)
    assert "64MB" in str(setting.all_set())
    assert setting.check().state is HealthState.HEALTHY
    setting.undo(run, receipt if known else None)
    assert setting.all_set() == setting.before
    assert setting.check().state is HealthState.ABSENT
    assert run.lines[-1].endswith("is not set again")


@pytest.mark.parametrize("known", [True, False], ids=["with a receipt", "without a receipt"])
def test_what_was_set_is_set_to_the_same_text_again(server, run, place, known) -> None:
    preset(server, place, "work_mem", "'7168kB'")
    setting = Setting(server, **place)
    assert "'7168kB'" in setting.plan().diff
    receipt = setting.start(run)
    assert setting.all_set() != setting.before
    setting.undo(run, receipt if known else None)
    assert setting.all_set() == setting.before


@pytest.mark.parametrize("was", ["''", '"$user", \'A b\', "c""d", \'e,f\', public'], ids=["empty", "odd names"])
def test_a_list_is_put_back_item_by_item(server, run, place, was) -> None:
    preset(server, place, "search_path", was)
    setting = Setting(server, **{"parameter": "search_path", "value": '"$user", "A b",Public', **place})
    setting.start(run)
    assert '"$user", "A b", public' in str(setting.all_set())
    assert setting.check().state is HealthState.HEALTHY
    setting.undo(run)
    assert setting.all_set() == setting.before


def test_it_counts_in_new_sessions_while_it_lasts(server, run, login) -> None:
    setting = Setting(server, login=login)
    receipt = setting.start(run)
    with server.session(login) as session:
        assert session.execute("SHOW work_mem").fetchone() == ("64MB",)
    setting.undo(run, receipt)
    with server.session(login) as session:
        assert session.execute("SHOW work_mem").fetchone() == ("4MB",)


def test_for_the_whole_server_it_counts_at_once(server, run, login, may_set) -> None:
    with server.session(login) as session:
        setting = Setting(server)
        receipt = setting.start(run)
        assert shows(session, "64MB")
        setting.undo(run, receipt)
        assert shows(session, "4MB")


def shows(session, value: str) -> bool:
    """Ask a session that is open until it has read its settings again, for some seconds at most."""
    asked = (session.execute("SELECT current_setting('work_mem') FROM pg_sleep(0.05)").fetchone() for _ in range(100))
    return any(row == (value,) for row in asked)


def test_what_needs_a_restart_must_be_asked_for_and_is_said(server, run, may_set) -> None:
    with pytest.raises(RunnerRefused, match="say `restart: true`"):
        Setting(server, parameter="max_connections", value="60").plan()
    setting = Setting(server, parameter="max_connections", value="60", restart=True)
    plan = setting.plan()
    assert "needs a restart" in plan.summary
    assert "only once somebody has restarted the server, and so does taking it back" in plan.diff
    setting.start(run)
    assert run.lines[-1] == "the server must be restarted by hand before this counts"
    waiting = "SELECT pending_restart FROM pg_settings, pg_sleep(0.2) WHERE name = 'max_connections'"
    assert server.rows(waiting) == [(True,)]
    assert "waits for a restart" in setting.check().detail
    assert "an earlier change of it waits for a restart" in setting.plan().diff
    setting.undo(run)
    assert setting.all_set() == setting.before


def test_what_somebody_else_set_meanwhile_is_unhealthy_and_told_when_it_ends(server, run, login) -> None:
    setting = Setting(server, login=login)
    receipt = setting.start(run)
    server.admin("ALTER ROLE {} SET work_mem TO '1GB'", login)
    assert setting.check().state is HealthState.UNHEALTHY
    setting.undo(run, receipt)
    assert setting.all_set() == setting.before
    assert run.lines[-2].endswith("had become '1GB' in the meantime, not by jitbot")


def test_a_second_undo_leaves_alone_what_was_set_after_the_first(server, run, login) -> None:
    setting = Setting(server, login=login)
    receipt = setting.start(run)
    setting.undo(run, receipt)
    server.admin("ALTER ROLE {} SET work_mem TO '1GB'", login)
    now = setting.all_set()
    setting.undo(run, receipt)
    setting.undo(run, None)
    assert setting.all_set() == now


@pytest.mark.parametrize("what", ["login", "in_database"])
def test_a_place_that_was_dropped_meanwhile_ends_with_it(server, run, login, database, what) -> None:
    name = login if what == "login" else database
    setting = Setting(server, **{what: name})
    receipt = setting.start(run)
    server.admin(f"DROP {'ROLE' if what == 'login' else 'DATABASE'} {{}}", name)
    setting.undo(run, receipt)
    assert "was dropped in the meantime" in run.lines[-1]
    with pytest.raises(RunnerRefused, match="There is no"):
        setting.plan()


def test_a_value_that_the_server_refuses_leaves_nothing(server, run, place) -> None:
    setting = Setting(server, **{"value": "a lot", **place})
    with pytest.raises(RunnerRefused, match='nothing was changed: invalid value for parameter "work_mem"'):
        setting.start(run)
    assert setting.all_set() == setting.before
    assert setting.check().state is HealthState.ABSENT


def test_a_start_that_was_cut_off_is_repeated_and_taken_back(server, run, may_set, monkeypatch) -> None:
    preset(server, {}, "work_mem", "'7MB'")
    setting = Setting(server)

    def lost(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("jitbot.runners.postgres.places.write", lost)
        setting.start(run)
    assert setting.check().state is HealthState.UNHEALTHY, "begun, and not as it was asked for"
    assert setting.start(run).data == {"before": "7MB"}
    assert setting.start(run).data == {"before": "7MB"}, "not what the first start set"
    setting.undo(run, None)
    assert setting.all_set() == setting.before


def test_a_refusal_after_an_earlier_start_is_unsure(server, run, may_set) -> None:
    """The earlier one may have had its effect, so nobody may say that nothing happened."""
    setting = Setting(server)
    setting.start(run)
    again = Setting(server, value="a lot")
    with pytest.raises(RunnerUnsure, match="invalid value"):
        again.start(run)
    setting.undo(run)
    assert setting.all_set() == setting.before


def test_without_receipt_and_comment_a_person_has_to_look(server, run, login) -> None:
    setting = Setting(server, login=login)
    receipt = setting.start(run)
    for comment in ("'ours now'", "'[]'", "'{{\"before\": 7}}'"):
        server.admin(f"COMMENT ON ROLE {{}} IS {comment}", setting.inputs.mark)
        with pytest.raises(RunnerUnsure, match="put it right by hand, then drop that role"):
            setting.undo(run, None)
    setting.undo(run, receipt)
    assert setting.all_set() == setting.before


REFUSED = {
    "an unknown parameter": ({"parameter": "work_men"}, "has no parameter work_men"),
    "one that is built in": ({"parameter": "block_size", "value": "1"}, "cannot be set at all"),
    "one of the whole server for a login": ({"parameter": "fsync", "value": "off", "login": "x"}, "leave out login"),
    "a word that is none of its words": ({"parameter": "log_statement", "value": "some"}, "must be one of none, ddl"),
    "an unknown login": ({"login": "nobody at all"}, "There is no login nobody at all"),
    "an unknown database": ({"in_database": "nowhere"}, "There is no database nowhere"),
    "one that jitbot may not set": (
        {"parameter": "deadlock_timeout", "value": "2s"},
        "GRANT ALTER SYSTEM ON",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_set_is_refused_before_anybody_approves(server, run, name) -> None:
    values, words = REFUSED[name]
    setting = Setting(server, **values)
    for step in (setting.plan, lambda: setting.start(run)):
        with pytest.raises(RunnerRefused, match=words):
            step()
    assert setting.all_set() == setting.before


def test_without_leave_to_read_what_is_set_nothing_is_changed(server, run) -> None:
    own = server.login("CREATEROLE")
    server.admin("GRANT ALTER SYSTEM ON PARAMETER work_mem TO {}", own)
    setting = Setting(server, user=own)
    for step in (setting.plan, lambda: setting.start(run)):
        with pytest.raises(RunnerRefused, match="could not restore it: GRANT SELECT ON pg_file_settings TO"):
            step()


def test_the_plan_says_from_what_to_what_and_changes_with_it(server, login) -> None:
    setting = Setting(server, login=login)
    first = setting.plan()
    assert first.diff.splitlines()[:2] == [
        f"- work_mem of the login {login}: not set (the whole server has '4MB')",
        f"+ work_mem of the login {login}: '64MB' (a bare number counts kB)",
    ]
    server.admin("ALTER ROLE {} SET work_mem TO '1GB'", login)
    second = setting.plan()
    assert second.diff.startswith(f"- work_mem of the login {login}: '1GB'\n")
    assert first.fingerprint != second.fingerprint
    assert PASSWORD not in f"{first}{second}"


def test_capitals_do_not_make_another_parameter(server, run, login) -> None:
    one, other = Setting(server, login=login), Setting(server, login=login, parameter="Work_Mem")
    assert one.runner.target(one.inputs) == other.runner.target(other.inputs)
    one.start(run)
    assert other.check().state is HealthState.HEALTHY
    other.undo(run)
    assert one.all_set() == one.before


@pytest.mark.parametrize("name", ["x", "a b", 'q"; --', "ü", "A,b", "$user"])
def test_lists_are_split_as_the_server_writes_them(server, name) -> None:
    with server.connect() as session:
        session.execute(sql.SQL("SET search_path TO {}, pg_catalog").format(sql.Literal(name)))
        [path] = session.execute("SHOW search_path").fetchone()
    assert list(places.split(path)) == [name, "pg_catalog"]
