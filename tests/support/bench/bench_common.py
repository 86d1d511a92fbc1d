"""What the programs of scripts/bench share: saying things, CPU time, waiting, processes that end with them."""
import pathlib
import signal
import subprocess
import sys
import time

POLL_S = 0.005
PATIENCE_S = 300
TIE = ("setpriv", "--pdeathsig", "KILL")  # what runs under it ends with us, however we do


def note(text):
    print(text, file=sys.stderr, flush=True)


def die(text):
    sys.exit(f"bench: {text}")


def cpu_s(pid, thread=None):
    """CPU seconds of a process, all its threads or those of that name, to the nanosecond."""
    tasks = pathlib.Path(f"/proc/{pid}/task").glob("*")
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks
               if not thread or (task / "comm").read_text().strip() == thread) / 1e9


def wait_until(is_true, what, every_s=POLL_S):
    until = time.monotonic() + PATIENCE_S
    while not is_true():
        if time.monotonic() > until:
            die(f"{what}: not within {PATIENCE_S} s")
        time.sleep(every_s)


class Team:
    """Worker processes: started, stopped for a while, gone."""

    def __init__(self, commands, environment, ready, log):
        self.log = log
        self.processes = [subprocess.Popen([*TIE, *command], env=environment, stdin=subprocess.DEVNULL, stdout=log,
                                           stderr=log) for command in commands]
        wait_until(lambda: pathlib.Path(log.name).read_text(errors="replace").count(ready) >= len(commands) or
                   self.is_any_dead(), "workers starting")
        if self.is_any_dead():
            die(f"a worker ended: {pathlib.Path(log.name).read_text(errors='replace')[-2000:]}")

    def is_any_dead(self):
        return any(process.poll() is not None for process in self.processes)

    def tell(self, number):
        for process in self.processes:
            process.send_signal(number)

    def cpu_s(self, thread=None):
        return sum(cpu_s(process.pid, thread) for process in self.processes)

    def stop(self):
        self.tell(signal.SIGTERM)
        for process in self.processes:
            if process.wait(PATIENCE_S) != 0:
                die(f"a worker ended with status {process.returncode}: see {self.log.name}")
