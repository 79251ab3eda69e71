"""`sprintline init`: the Dagster instance of a state folder is made once, and an edited setting is kept."""

import shutil
import threading

import pytest

from sprintline.base import settings


class TestInit:
    @pytest.fixture(scope="class")
    def prepared(self, tmp_path_factory):
        """One instance for the class, made by four processes' worth of callers at once."""
        from sprintline.hosting.instance import prepare

        home = settings.Home(tmp_path_factory.mktemp("state") / "home")
        failures = []

        def call():
            try:
                prepare(home)
            except Exception as error:  # noqa: BLE001 - told below
                failures.append(error)

        threads = [threading.Thread(target=call) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        return home

    def test_dagster_accepts_every_setting_and_has_what_we_ask(self, prepared, monkeypatch):
        from dagster import DagsterInstance
        from dagster._core.run_coordinator.queued_run_coordinator import QueuedRunCoordinator

        monkeypatch.setenv("DAGSTER_HOME", str(prepared.dagster))
        with DagsterInstance.from_config(str(prepared.dagster)) as instance:
            assert isinstance(instance.run_coordinator, QueuedRunCoordinator)
            assert instance.run_coordinator.dequeue_interval_seconds == 1
            concurrency = instance.get_concurrency_config()
            assert concurrency.pool_config.default_pool_limit == 1
            assert concurrency.pool_config.pool_granularity.value == "run"
            assert concurrency.run_queue_config.max_concurrent_runs == 4
            assert instance.run_monitoring_enabled
            assert instance.run_monitoring_settings["free_slots_after_run_end_seconds"] == 5
            assert instance.telemetry_enabled is False and instance.nux_enabled is False
            assert instance.get_settings("sensors") == {
                "use_threads": True,
                "num_workers": 4,
            }
            from dagster._core.definitions.run_request import InstigatorType
            from dagster._core.scheduler.instigation import TickStatus

            kept = instance.get_tick_retention_settings(InstigatorType.SENSOR)
            assert kept[TickStatus.SKIPPED] == 3 and kept[TickStatus.SUCCESS] == 90
        assert (prepared.dagster / "history/runs.db").is_file()
        assert (prepared.dagster / "history/runs/index.db").is_file()
        assert (prepared.dagster / "schedules/schedules.db").is_file()

    def test_a_second_call_asks_dagster_nothing(self, prepared, monkeypatch):
        from sprintline.hosting import instance

        monkeypatch.setattr(
            instance.subprocess, "run", lambda *_, **__: pytest.fail("Dagster was started again")
        )
        assert instance.prepare(prepared) == prepared.dagster

    def test_an_edited_file_is_kept_and_an_old_one_renewed(self, prepared, monkeypatch):
        from sprintline.hosting import instance

        file = prepared.dagster / "dagster.yaml"
        template = tmp = prepared.root / "template.yaml"
        tmp.write_text(instance.TEMPLATE.read_text() + "# a newer version\n")
        monkeypatch.setattr(instance, "TEMPLATE", template)
        instance.prepare(prepared)
        assert file.read_text().endswith("# a newer version\n")
        own = file.read_text() + "# our own\n"
        file.write_text(own)
        template.write_text(template.read_text() + "# newest\n")
        instance.prepare(prepared)
        assert file.read_text() == own

    def test_settings_dagster_refuses_are_one_sentence(self, prepared, tmp_path):
        from sprintline.hosting import instance

        home = settings.Home(tmp_path / "other")
        shutil.copytree(prepared.dagster, home.dagster)
        (home.dagster / "dagster.yaml").write_text("run_monitoring:\n  enabeld: true\n")
        with pytest.raises(
            instance.InstanceError, match=r"dagster.yaml: Dagster cannot open the instance: .*enabeld"
        ):
            instance.prepare(home)
