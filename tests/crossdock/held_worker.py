"""python -m tests.crossdock.held_worker TASK_ID STAGE: a worker that stands still there, to be killed.

It runs on the database and settings of the test that started it.
"""

import os
import sys
import time

import django


def main(task_id: str, stage: str) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.site.settings"
    django.setup()
    from crossdock import runs
    from crossdock.models import CrossDockTask
    from crossdock.stages import Counts

    class Held(runs.Reporter):
        def hear(self, counts: Counts) -> None:
            super().hear(counts)
            if counts.stage == stage:
                print("held", flush=True)  # noqa: T201 - the test waits for it
                time.sleep(600)

    runs.Reporter = Held
    task = CrossDockTask.objects.get(pk=task_id)
    runs.run(task.input_file, task.supplier_group, task_id)


if __name__ == "__main__":
    main(*sys.argv[1:])
