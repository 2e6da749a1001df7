#!/usr/bin/python3
"""Promises of egress, end to end: what people use reaches what is granted without a setting that names a proxy, and
nothing else. As root; usage: clients_from_the_sandbox.py BIN_DIR [WORD]: only tests with WORD in their name.
"""
import base64
import hashlib
import io
import json
import os
import pathlib
import subprocess
import tarfile
import zipfile

from scene import OTHER, SERVER, expect, lingering, play, stage, went_well

GRANTED, DENIED = "www.example.com", "evil.example.com"
GRANTS = [{"name": GRANTED, "ports": [443], "mode": "passthrough"}, {"name": "db.example.com", "ports": [5432], "mode": "raw"}]
ENVIRONMENT = {"SSL_CERT_FILE": "/work/ca.pem", "REQUESTS_CA_BUNDLE": "/work/ca.pem", "PIP_CERT": "/work/ca.pem",
               "NODE_EXTRA_CA_CERTS": "/work/ca.pem", "GIT_SSL_CAINFO": "/work/ca.pem", "npm_config_cafile": "/work/ca.pem",
               "GIT_TERMINAL_PROMPT": "0", "PIP_NO_CACHE_DIR": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
LIMITS = {"wall_ms": 120000, "cpu_ms": 60000, "memory_bytes": 1 << 30, "scratch_bytes": 256 << 20}


def prepare():
    stage.profile("clients", GRANTS)
    stage.name("db.example.com", SERVER)
    stage.name("other-db.example.com", OTHER)


def site(prefix, files):
    stage.ask_internet(do="site", prefix=prefix,
                       files={path: base64.b64encode(content).decode() for path, content in files.items()})


def run(argv):
    names = {"proxy", "http_proxy", "https_proxy", "all_proxy"} & {name.lower() for name in ENVIRONMENT}
    expect(not names, f"a proxy is set: {names}")
    return stage.job(lingering(argv), profile="clients", files=[stage.certificate()], env=ENVIRONMENT, limits=LIMITS)


def expect_allowed(argv, said, name=GRANTED, port=443):
    """It says so, and the internet has counted the same bytes as the job's report."""
    stage.ask_internet(do="forget")
    job = run(argv)
    expect(went_well(job) and said in job["stdout"], job["outcome"], job["stdout"], job["stderr"], job["network"])
    flows = [flow for flow in job["network"] if flow["verdict"] == "allowed"]
    expect(flows and all((flow["name"], flow["port"]) == (name, port) for flow in flows), job["network"])
    far = [c for c in stage.ask_internet(do="counts")["connections"] if c["port"] == port]
    expect(len(far) == len(flows), flows, far)
    expect(sorted((f["bytes_up"], f["bytes_down"]) for f in flows) == sorted((c["in"], c["out"]) for c in far), flows, far)


def expect_denied(argv, name=DENIED):
    """It fails, the report says of which name, and nobody outside was asked or reached."""
    stage.ask_internet(do="forget")
    job = run(argv)
    expect(job["outcome"]["kind"] == "exited" and job["outcome"]["code"] != 0, job)
    expect({flow["verdict"] for flow in job["network"]} == {"denied"}, job["network"])
    expect({(flow["name"], flow["reason"]) for flow in job["network"]} == {(name, "no_grant")}, job["network"])
    counts = stage.ask_internet(do="counts")
    expect(counts["packets"] == {} and counts["queries"] == [], "GOT THROUGH", counts)


def both(command, said="hello"):
    """`command`: argv by the host that is spoken to."""
    expect_allowed(command(GRANTED), said)
    expect_denied(command(DENIED))


def test_curl_reaches_a_granted_name_and_no_other():
    both(lambda host: ["curl", "-sS", "--max-time", "20", "--cacert", "ca.pem", f"https://{host}/"])


def test_wget_reaches_a_granted_name_and_no_other():
    both(lambda host: ["wget", "-qO-", "--tries=1", "--ca-certificate=ca.pem", f"https://{host}/"])


def test_urllib_reaches_a_granted_name_and_no_other():
    both(lambda host: ["python3", "-c", "import sys, urllib.request\n"
                       "print(urllib.request.urlopen(sys.argv[1], timeout=20).read().decode())", f"https://{host}/"])


def test_requests_reaches_a_granted_name_and_no_other():
    both(lambda host: ["python3", "-c", "import requests, sys\nprint(requests.get(sys.argv[1], timeout=20).text)",
                       f"https://{host}/"])


def test_fetch_of_node_reaches_a_granted_name_and_no_other():
    both(lambda host: ["node", "-e", f"fetch('https://{host}/').then(a => a.text()).then(console.log)"])


def wheel():
    """A package for pip: one module that says hello."""
    files = {"greeting.py": "print('hello')\n",
             "greeting-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: greeting\nVersion: 1.0\n",
             "greeting-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"}
    files["greeting-1.0.dist-info/RECORD"] = "".join(f"{path},,\n" for path in (*files, "greeting-1.0.dist-info/RECORD"))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return out.getvalue()


def test_pip_installs_from_a_granted_index_and_from_no_other():
    package = wheel()
    sum_ = hashlib.sha256(package).hexdigest()
    name = "greeting-1.0-py3-none-any.whl"
    site("/simple/", {"greeting/": f'<!DOCTYPE html><a href="{name}#sha256={sum_}">{name}</a>'.encode(),
                      f"greeting/{name}": package})
    both(lambda host: ["sh", "-c", "/usr/bin/python3 -m pip install --quiet --retries 0 --timeout 20 --target=there "
                       f"--index-url https://{host}/simple/ greeting && PYTHONPATH=there python3 -m greeting"])


def tarball():
    """A package for npm: one module that says hello."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for path, text in (("package/package.json", '{"name": "greeting", "version": "1.0.0", "main": "index.js"}'),
                           ("package/index.js", "console.log('hello')\n")):
            entry = tarfile.TarInfo(path)
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
    return out.getvalue()


def test_npm_installs_from_a_granted_registry_and_from_no_other():
    package = tarball()
    integrity = "sha512-" + base64.b64encode(hashlib.sha512(package).digest()).decode()
    release = {"name": "greeting", "version": "1.0.0",
               "dist": {"tarball": f"https://{GRANTED}/npm/greeting-1.0.0.tgz", "integrity": integrity}}
    site("/npm/", {"greeting": json.dumps({"name": "greeting", "dist-tags": {"latest": "1.0.0"},
                                           "versions": {"1.0.0": release}}).encode(),
                   "greeting-1.0.0.tgz": package})
    both(lambda host: ["sh", "-c", "npm install --silent --no-audit --no-fund --no-update-notifier --fetch-retries=0 "
                       f"--registry=https://{host}/npm/ greeting && node -e \"require('greeting')\""])


def repository():
    """A repository as any web server can have it (gitprotocol-http(5), the dumb one): its files."""
    work, bare = stage.directory + "/repository", stage.directory + "/repository.git"
    git = ["git", "-c", "user.name=tests", "-c", "user.email=tests@example.com", "-c", "init.defaultBranch=main"]
    os.mkdir(work)
    pathlib.Path(work + "/said").write_text("hello\n")
    for words in (["init", "--quiet", work], ["-C", work, "add", "said"], ["-C", work, "commit", "--quiet", "-m", "said"],
                  ["clone", "--quiet", "--bare", work, bare], ["-C", bare, "update-server-info"]):
        subprocess.run([*git, *words], check=True, capture_output=True, env={"PATH": os.environ["PATH"], "HOME": work})
    return {str(path.relative_to(bare)): path.read_bytes() for path in pathlib.Path(bare).rglob("*") if path.is_file()}


def test_git_clones_over_https_from_a_granted_host_and_from_no_other():
    site("/repository.git/", repository())
    both(lambda host: ["sh", "-c", f"git clone --quiet https://{host}/repository.git there && cat there/said"])


def test_psql_asks_a_granted_database_and_no_other():
    def command(host):
        return ["psql", "--no-psqlrc", "--tuples-only", "--no-password", "-c", "select said",
                f"host={host} user=tests dbname=tests connect_timeout=10"]
    expect_allowed(command("db.example.com"), "hello", "db.example.com", 5432)
    expect_denied(command("other-db.example.com"), "other-db.example.com")


if __name__ == "__main__":
    play(globals(), prepare)
