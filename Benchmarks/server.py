#!/usr/bin/env python3
"""The server against its peers on this machine: requests per second, uploads to durable storage, memory, start-up.

    python3 Benchmarks/server.py [--only rate,upload,start] [--seconds 3] [--rounds 3] [--bytes 1073741824]

rate:   keep-alive GET /livez with wrk, nginx and Octavo in turn, each started anew with two workers or lanes.
upload: a model file sent with curl, against `dd conv=fsync` of the same file into the same directory; the server's
        largest resident size meanwhile.
start:  from spawning the process to the first 200 of /livez.
Prints JSON lines, then a Markdown table. A peer that is not installed is named and left out.
"""

import argparse
import contextlib
import json
import mmap
import shutil
import socket
import statistics
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import onnx

from harness import store, tool

NGINX = """
daemon off; worker_processes 2; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off; keepalive_requests 1000000000; default_type text/plain;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{ listen 127.0.0.1:{port}; location = /livez {{ return 200 "ok\\n"; }} }}
}}
"""


@contextlib.contextmanager
def stopped_after(process):
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def octavo(folder):
    """A server on a free port; yields its URL and its process."""
    with open(Path(folder, "server.log"), "ab") as log:
        process = subprocess.Popen(
            [tool.binary(), "serve", "--listen", "127.0.0.1:0", "--data", Path(folder, "data")],
            stdout=subprocess.PIPE, stderr=log, text=True)
    with stopped_after(process):
        line = process.stdout.readline()
        if not line.startswith("listening on "):
            raise SystemExit(f"octavo serve: {line!r}, see {folder}/server.log")
        threading.Thread(target=process.stdout.read, daemon=True).start()
        yield line.removeprefix("listening on ").strip(), process


@contextlib.contextmanager
def nginx(folder):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    configuration = Path(folder, "nginx.conf")
    configuration.write_text(NGINX.format(folder=folder, port=port))
    with stopped_after(subprocess.Popen(["nginx", "-c", configuration, "-p", folder], stderr=subprocess.DEVNULL)) as p:
        wait_for(port)
        yield f"http://127.0.0.1:{port}", p


def wait_for(port, limit=10.0):
    deadline = time.perf_counter() + limit
    while time.perf_counter() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.01)
    raise SystemExit(f"nothing listens on port {port}")


def requests_per_second(url, connections, seconds):
    """wrk's own figure; a run with errors or non-2xx answers counts as a failure."""
    done = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", f"{url}/livez"],
        capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in done or "Socket errors" in done:
        raise SystemExit(f"wrk on {url}:\n{done}")
    return float(next(line.split()[1] for line in done.splitlines() if line.startswith("Requests/sec")))


def rate(options):
    missing = [t for t in ("wrk", "nginx") if not shutil.which(t)]
    if missing:
        print(f"rate: left out, not installed: {', '.join(missing)}")
        return
    for connections in (8, 32, 256):
        ours, theirs = [], []
        for _ in range(options.rounds):
            for server, rates in ((octavo, ours), (nginx, theirs)):
                with tempfile.TemporaryDirectory() as folder, server(folder) as (url, _):
                    requests_per_second(url, connections, 1)
                    rates.append(requests_per_second(url, connections, options.seconds))
        share = statistics.median(a / b for a, b in zip(ours, theirs))
        yield {
            "measure": f"GET /livez, {connections} connections", "octavo": statistics.median(ours),
            "peer": statistics.median(theirs), "unit": "req/s", "peer_name": "nginx", "share": share,
            "octavo_all": ours, "peer_all": theirs}


def large_model(size):
    """A valid ONNX file of about `size` bytes whose weights look like weights: matrix products in a row."""
    path = store.FOLDER / f"large-{size}.onnx"
    if path.exists():
        return path
    side = 2048
    layers = max(1, size // (4 * side * side))
    generator = np.random.default_rng(1)
    nodes, weights = [], []
    for layer in range(layers):
        values = generator.standard_normal((side, side), dtype=np.float32) / np.float32(np.sqrt(side))
        weights.append(onnx.numpy_helper.from_array(values, f"w{layer}"))
        nodes.append(onnx.helper.make_node("MatMul", [f"x{layer}", f"w{layer}"], [f"x{layer + 1}"]))
    describe = lambda name: onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, side])
    graph = onnx.helper.make_graph(nodes, "large", [describe("x0")], [describe(f"x{layers}")], weights)
    store.FOLDER.mkdir(parents=True, exist_ok=True)
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8), path)
    return path


class Watch(threading.Thread):
    """Samples a process's resident size until stopped; `peak` is the largest seen, in bytes."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.status, self.peak, self.ended = Path(f"/proc/{pid}/status"), 0, threading.Event()

    def run(self):
        while not self.ended.wait(0.01):
            self.peak = max(self.peak, self.read("VmRSS"))

    def read(self, field):
        line = next(s for s in self.status.read_text().splitlines() if s.startswith(field + ":"))
        return int(line.split()[1]) * 1024

    def stop(self):
        self.ended.set()
        self.join()
        return max(self.peak, self.read("VmHWM"))


def touch_memory(size):
    """A virtual machine may have given its free pages back to its host, and getting them again takes longer than any disk.
    Both sides begin with as many pages that are really there."""
    with mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE):
        pass


def send(url, path):
    began = time.perf_counter()
    done = subprocess.run(
        ["curl", "-sS", "-X", "POST", "-T", path, "-w", "\n%{http_code}", f"{url}/v1/models?name=large"],
        capture_output=True, text=True, check=True)
    elapsed = time.perf_counter() - began
    body, _, status = done.stdout.rpartition("\n")
    if status != "201":
        raise SystemExit(f"upload: {status} {body[:500]}")
    return elapsed, json.loads(body)["id"]


def copy(path, folder):
    target = Path(folder, "copy")
    began = time.perf_counter()
    subprocess.run(["dd", f"if={path}", f"of={target}", "bs=1M", "conv=fsync", "status=none"], check=True)
    elapsed = time.perf_counter() - began
    target.unlink()
    return elapsed


def upload(options):
    path = large_model(options.bytes)
    path.read_bytes()  # from here on it is in the page cache, for both
    size = path.stat().st_size
    with tempfile.TemporaryDirectory(dir=store.FOLDER) as folder, octavo(folder) as (url, process):
        ours, theirs, watch = [], [], Watch(process.pid)
        before = watch.read("VmRSS")
        watch.start()
        for _ in range(options.rounds):
            touch_memory(3 * size)
            seconds, identity = send(url, path)
            ours.append(size / seconds / 1e6)
            subprocess.run(["curl", "-sSf", "-X", "DELETE", f"{url}/v1/models/{identity}"], check=True)
            touch_memory(3 * size)
            theirs.append(size / copy(path, folder) / 1e6)
        peak = watch.stop()
    yield {
        "measure": f"upload of {size / 2**30:.2f} GiB, durable", "octavo": statistics.median(ours),
        "peer": statistics.median(theirs), "unit": "MB/s", "peer_name": "dd conv=fsync",
        "share": statistics.median(a / b for a, b in zip(ours, theirs)), "octavo_all": ours, "peer_all": theirs}
    yield {
        "measure": "server's peak resident size while uploading", "octavo": peak / 2**20, "unit": "MiB",
        "before": before / 2**20}


def first_answer(folder):
    """Milliseconds from spawning to the first 200, port chosen beforehand so that nothing has to be read first."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [tool.binary(), "serve", "--listen", f"127.0.0.1:{port}", "--data", Path(folder, "data")]
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with stopped_after(process):
        while True:
            if time.perf_counter() - began > 10 or process.poll() is not None:
                raise SystemExit("octavo serve did not answer")
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as connection:
                connection.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
                if connection.recv(64).startswith(b"HTTP/1.1 200"):
                    return (time.perf_counter() - began) * 1000
            time.sleep(0.0005)


def start(options):
    with tempfile.TemporaryDirectory() as folder:
        fresh = first_answer(folder)
        again = [first_answer(folder) for _ in range(9)]
    yield {"measure": "start to first 200, new data directory", "octavo": fresh, "unit": "ms"}
    yield {"measure": "start to first 200", "octavo": statistics.median(again), "unit": "ms", "octavo_all": again}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="rate,upload,start")
    parser.add_argument("--seconds", type=int, default=3, help="of each wrk run")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--bytes", type=int, default=2**30, help="size of the upload")
    options = parser.parse_args()
    rows = []
    for name in options.only.split(","):
        for row in {"rate": rate, "upload": upload, "start": start}[name](options) or []:
            store.emit(benchmark="server", **row)
            rows.append(row)
    print("\n| measure | octavo | peer | share of the peer |\n|---|---|---|---|")
    for row in rows:
        peer = f"{row['peer']:,.0f} {row['unit']} ({row['peer_name']})" if "peer" in row else "–"
        share = f"{row['share']:.2f}" if "share" in row else "–"
        print(f"| {row['measure']} | {row['octavo']:,.1f} {row['unit']} | {peer} | {share} |")


if __name__ == "__main__":
    main()
