"""Stock gRPC clients for the tests, put into the build folder once: grpcio in a virtual environment, grpc-js by npm, Go's
by its module proxy. What cannot be had here is said in one line, and the test that needs it is skipped.

Nothing of the system is changed; a folder that is complete carries the mark `ready`, others are made anew.
"""
import fcntl
import os
import shutil
import subprocess
import sys

SOURCE = os.environ.get("CAIRN_SOURCE", os.path.abspath(os.path.join(os.path.dirname(__file__), "../..")))
PROTO = os.path.join(SOURCE, "server", "proto")
EXAMPLES = os.path.join(SOURCE, "examples", "grpc")
BUILD = os.path.dirname(os.path.dirname(os.path.abspath(os.environ.get("CAIRN_BIN", os.path.join(SOURCE, "build/release/cli/cairn")))))
CLIENTS = os.path.join(BUILD, "grpc-clients")
PATIENCE = 300  # seconds for one step; a registry that is away fails sooner
# What npm and pip keep for themselves stays in the build folder, too. Go uses its own caches: without them each
# build tree would compile its library anew, for minutes.
KEPT = {"CGO_ENABLED": "0", "npm_config_cache": os.path.join(CLIENTS, "npm-cache"), "PIP_NO_CACHE_DIR": "1"}


class Missing(Exception):
    """Why a client is not here."""


too_slow = set()  # programs that have used up their patience once: nobody waits for them again


def step(*command, env=None, **more):
    if command[0] in too_slow:
        raise Missing(f"{command[0]} is too slow here")
    try:
        done = subprocess.run(command, env={**os.environ, **KEPT, **(env or {})}, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=PATIENCE, text=True,
                              errors="replace", **more)
    except FileNotFoundError:
        raise Missing(f"{command[0]} is not installed") from None
    except subprocess.TimeoutExpired:
        too_slow.add(command[0])
        raise Missing(f"{os.path.basename(command[0])} did not end within {PATIENCE} s") from None
    if done.returncode:
        last = (done.stdout.strip().splitlines() or ["no reason given"])[-1]
        raise Missing(f"{os.path.basename(command[0])}: {last}")


def once(name, make):
    """CLIENTS/name, made by make(folder) unless it is complete; one process at a time."""
    folder = os.path.join(CLIENTS, name)
    os.makedirs(CLIENTS, exist_ok=True)
    with open(folder + ".lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(os.path.join(folder, "ready")):
            shutil.rmtree(folder, ignore_errors=True)
            os.mkdir(folder)
            make(folder)
            with open(os.path.join(folder, "ready"), "w", encoding="ascii"):
                pass
    return folder


def python():
    """(interpreter with grpcio, folder of stubs)."""

    def make(folder):
        step(sys.executable, "-m", "venv", os.path.join(folder, "venv"))
        own = os.path.join(folder, "venv", "bin", "python")
        step(own, "-m", "pip", "install", "--quiet", "--retries", "1", "--timeout", "20", "--only-binary", ":all:",
             "grpcio", "grpcio-tools")

    folder = once("python", make)
    own = os.path.join(folder, "venv", "bin", "python")
    stubs = os.path.join(folder, "stubs")
    os.makedirs(stubs, exist_ok=True)
    files = sorted(f"cairn/v1/{f}" for f in os.listdir(os.path.join(PROTO, "cairn", "v1")))
    step(own, "-m", "grpc_tools.protoc", "-I", PROTO, f"--python_out={stubs}", f"--grpc_python_out={stubs}", *files)
    return own, stubs


def javascript():
    """The folder of the example with its modules."""

    def make(folder):
        shutil.copy(os.path.join(EXAMPLES, "js", "package.json"), folder)
        step("npm", "install", "--silent", "--no-audit", "--no-fund", "--fetch-retries=1", "--fetch-timeout=20000",
             cwd=folder)

    step("node", "--version")
    folder = once("js", make)
    shutil.copy(os.path.join(EXAMPLES, "js", "client.js"), folder)
    return folder


def go_tool(name, package):
    """A program of Go's, built once."""

    def make(folder):
        step("go", "install", package, env={"GOBIN": folder})

    return os.path.join(once(name, make), name)


def go():
    """The example's program in Go."""

    def make(folder):
        tools = [go_tool("protoc-gen-go", "google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.6"),
                 go_tool("protoc-gen-go-grpc", "google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.5.1")]
        path = os.pathsep.join([os.path.dirname(t) for t in tools] + [os.environ["PATH"]])
        for file in ("generate", "go.mod", "main.go"):
            shutil.copy(os.path.join(EXAMPLES, "go", file), folder)
        step("./generate", cwd=folder, env={"PATH": path, "CAIRN_PROTO": PROTO})
        step("go", "mod", "tidy", cwd=folder)
        step("go", "build", "-o", "client", ".", cwd=folder)

    step("go", "version")
    return os.path.join(once("go", make), "client")


def grpcurl():
    step("go", "version")
    return go_tool("grpcurl", "github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.3")


def run_under_grpcio(file):
    """Go on in the interpreter that has grpcio; end with the code for "skipped" where there is none."""
    try:
        own, stubs = python()
    except Missing as e:
        print(f"skipped: grpcio is not to be had here ({e})")
        sys.exit(77)
    env = dict(os.environ, CAIRN_GRPC_STUBS=stubs, PYTHONDONTWRITEBYTECODE="1",
               PYTHONPATH=os.pathsep.join([stubs, os.path.dirname(os.path.abspath(file))]))
    os.execve(own, [own, os.path.abspath(file), *sys.argv[1:]], env)
