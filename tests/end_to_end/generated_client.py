"""Has `openapi-python-client` write a client from /openapi.json, and speaks with the API by it alone.

The client raises whatever is not described: a status, or a body that is not of its schema."""

import importlib
import subprocess
import sys


def generate(program, url, folder):
    subprocess.run(
        [program, "generate", "--url", f"{url}/openapi.json", "--output-path", f"{folder}/signalbox_client", "--meta", "none"],
        check=True, stdout=subprocess.DEVNULL)
    sys.path.insert(0, folder)


def main(program, url, folder):
    generate(program, url, folder)
    client = importlib.import_module("signalbox_client").Client(base_url=url, raise_on_unexpected_status=True)
    models = importlib.import_module("signalbox_client.models")

    def call(family, operation, *arguments, expect=(200,), **fields):
        module = importlib.import_module(f"signalbox_client.api.{family}.{operation}")
        answer = module.sync_detailed(*arguments, client=client, **fields)
        assert answer.status_code in expect, (operation, answer)
        print(operation, int(answer.status_code))
        return answer.parsed

    def body(model, value):
        return getattr(models, model).from_dict(value)

    started = call("workflows", "trigger_workflow", "gen-1", name="Generated")
    assert started.workflow_id == "gen-1" and started.links.event
    call("workflows", "trigger_workflow", "gen-1", expect=(400,))
    call("workflows", "signal_cron_workflow", "gen-1", message="hi")
    call("results", "describe_workflow", "gen-1")
    call("workflows", "stop", "gen-1")
    call("results", "result", "gen-1")
    call("results", "describe_workflow", "nobody", expect=(404,))
    call("workflows", "start", body=body("NewWorkflow", {"workflow_id": "gen-2", "type": "AggregateWorkflow", "args": ["gen"]}))
    call("workflows", "signal_workflow", "gen-2", "add_message", body=body("Arguments", {"args": ["m"]}))
    call("workflows", "terminate", "gen-2", body=body("Reason", {"reason": "enough"}))
    call("results", "list_workflows", limit=5)

    entry = {"cron": "0 9 * * MON-FRI", "time_zone": "Europe/Paris", "emit": "events.gen.due"}
    kind = models.CreateScheduleBody
    made = call("schedules", "create_schedule", body=kind.from_dict({"id": "gen", **entry}), expect=(201,))
    assert made.meaning and made.next_runs, made
    call("schedules", "describe_schedule", "gen")
    call("schedules", "list_schedules")
    call("schedules", "pause_schedule", "gen", body=body("WhyPaused", {"note": "quiet"}))
    call("schedules", "resume_schedule", "gen")
    call("schedules", "trigger_schedule", "gen", body=body("OneRun", {}))
    times = {"from": "2026-01-05T00:00:00Z", "to": "2026-01-06T00:00:00Z"}
    call("schedules", "backfill_schedule", "gen", body=body("TimeRange", times))
    call("schedules", "plan_schedules")
    call("schedules", "delete_schedule", "gen")
    call("schedules", "describe_schedule", "gen", expect=(404,))
    call("schedules", "create_cron_schedule", "gen-lab", cron="0 0 1 1 *")
    call("schedules", "delete_cron_schedule", "gen-lab")

    call("dead_letters", "list_dead_letters")
    call("operations", "healthz")
    call("operations", "readyz")


main(*sys.argv[1:])
