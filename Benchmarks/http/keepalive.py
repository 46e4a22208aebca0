#!/usr/bin/env python3
"""Keep-alive GET /livez against nginx `return 200`, both on this machine and in the same run.

    keepalive.py --octavo 'octavo serve --listen 127.0.0.1:PORT --data DIR' [--connections 8,32,256] [--rounds 3]

PORT and DIR are replaced; any server command works that answers GET /livez on that port. Rounds are interleaved, so that
what else the machine does hits both alike. One JSON line per server and connection count, then the ratio's line.
Exits 1 when a ratio is below --require. Installs nginx and wrk when they are missing and it may.
"""
import argparse, contextlib, json, os, re, shlex, shutil, socket, statistics, subprocess, sys, tempfile, time

NGINX = """
worker_processes {workers}; daemon off; pid {directory}/pid; error_log {directory}/errors;
events {{ worker_connections 4096; }}
http {{
    access_log off; keepalive_requests 1000000000;
    client_body_temp_path {directory}; proxy_temp_path {directory}; fastcgi_temp_path {directory};
    uwsgi_temp_path {directory}; scgi_temp_path {directory};
    server {{ listen 127.0.0.1:{port} reuseport; location /livez {{ return 200 "ok\\n"; }} }}
}}
"""


def require(program, package):
    if shutil.which(program):
        return
    subprocess.run(["apt-get", "install", "-y", "--no-install-recommends", package], check=True, stdout=sys.stderr)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def running(command, port):
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        for _ in range(200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            if process.poll() is not None:
                sys.exit(f"{command[0]} ended with {process.returncode}")
            time.sleep(0.05)
        else:
            sys.exit(f"{command[0]} does not listen on {port}")
        yield process
    finally:
        process.terminate()
        process.wait()


def cpu_seconds(pid):
    """User and system time of a process and its children that live (nginx's workers)."""
    total = 0.0
    for entry in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{entry}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
            if entry == str(pid) or fields[1] == str(pid):
                total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


def measure(port, pid, connections, seconds):
    before = cpu_seconds(pid)
    output = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{seconds}", "--latency", f"http://127.0.0.1:{port}/livez"],
        check=True, capture_output=True, text=True).stdout
    requests = int(re.search(r"(\d+) requests in", output)[1])
    if "Non-2xx" in output or "Socket errors" in output:
        sys.exit(f"errors on port {port}:\n{output}")
    return {
        "rate": float(re.search(r"Requests/sec:\s+([\d.]+)", output)[1]),
        "p99": re.search(r"99%\s+(\S+)", output)[1],
        "cpu_us": (cpu_seconds(pid) - before) * 1e6 / max(1, requests),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--octavo", required=True)
    parser.add_argument("--connections", default="8,32,256")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--require", type=float, default=0.75)
    options = parser.parse_args()
    require("nginx", "nginx-light")
    require("wrk", "wrk")
    with tempfile.TemporaryDirectory() as directory:
        ports = {"nginx": free_port(), "octavo": free_port()}
        os.chmod(directory, 0o755)
        with open(f"{directory}/nginx.conf", "w") as file:
            file.write(NGINX.format(workers=os.cpu_count(), directory=directory, port=ports["nginx"]))
        nginx = ["nginx", "-e", f"{directory}/errors", "-p", directory, "-c", f"{directory}/nginx.conf"]
        octavo = shlex.split(options.octavo.replace("PORT", str(ports["octavo"])).replace("DIR", f"{directory}/data"))
        ratios = []
        with running(nginx, ports["nginx"]) as one, running(octavo, ports["octavo"]) as two:
            pids = {"nginx": one.pid, "octavo": two.pid}
            for connections in map(int, options.connections.split(",")):
                rounds = [
                    {name: measure(ports[name], pids[name], connections, options.seconds) for name in ports}
                    for _ in range(options.rounds)
                ]
                for name in ports:
                    rates = [entry[name]["rate"] for entry in rounds]
                    print(json.dumps({
                        "benchmark": "http-keepalive", "server": name, "connections": connections,
                        "requests_per_second": round(statistics.median(rates)), "range": [round(min(rates)), round(max(rates))],
                        "p99": [entry[name]["p99"] for entry in rounds],
                        "cpu_us_per_request": round(statistics.median(e[name]["cpu_us"] for e in rounds), 2),
                    }), flush=True)
                ratio = statistics.median(e["octavo"]["rate"] / e["nginx"]["rate"] for e in rounds)
                ratios.append(ratio)
                print(json.dumps({
                    "benchmark": "http-keepalive", "connections": connections, "ratio_to_nginx": round(ratio, 3)}), flush=True)
    sys.exit(0 if min(ratios) >= options.require else 1)


if __name__ == "__main__":
    main()
