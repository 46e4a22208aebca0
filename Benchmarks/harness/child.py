"""Runs one command and writes its exit status, seconds and peak resident bytes as JSON to a file.

    python3 -I -S child.py RESULT.json ADDRESS-SPACE-LIMIT COMMAND...

A process's recorded peak begins with that of the process it was forked from, so a driver that holds arrays cannot
measure its own children. This one holds nothing.
"""

import json
import os
import resource
import sys
import time

if __name__ == "__main__":
    limit, command = int(sys.argv[2]), sys.argv[3:]
    if limit:
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    began = time.perf_counter()
    child = os.posix_spawnp(command[0], command, os.environ)
    _, status, usage = os.wait4(child, 0)
    result = {
        "seconds": time.perf_counter() - began, "cpu_seconds": usage.ru_utime + usage.ru_stime, "peak_rss": usage.ru_maxrss * 1024,
        "status": os.waitstatus_to_exitcode(status)}
    with open(sys.argv[1], "w") as file:
        json.dump(result, file)
