"""Python packages for tests that drive the server with other people's clients.

need("openai") goes on in an interpreter that has the packages of packages.txt, or ends the test as
skipped (77) with a line that says why. They are put into a virtual environment once: the folder
$CAIRN_TEST_VENV, in the build folder when ctest runs the test. CAIRN_NO_PIP=1 keeps it from trying.
need(..., group="x") is the same with packages-x.txt and an environment of its own, so that a large family of
packages is no burden to the others.
"""
import fcntl
import importlib.util
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
LIST = os.path.join(HERE, "packages.txt")
SKIPPED = 77


def skip(why):
    print("skipped: " + why)
    sys.exit(SKIPPED)


def _make(folder, packages):
    """Make the environment; the first who comes does it, the others wait. None, or why not."""
    os.makedirs(os.path.dirname(folder), exist_ok=True)
    with open(folder + ".lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with open(packages, encoding="utf-8") as f:
            wanted = f.read()
        done = os.path.join(folder, "made-from")
        if os.path.exists(done) and open(done, encoding="utf-8").read() == wanted:
            return None
        tried = os.path.join(folder + ".failed")
        if os.path.exists(tried) and open(tried, encoding="utf-8").read() == wanted:
            return "were not reached before (remove " + tried + " to try again)"
        if os.environ.get("CAIRN_NO_PIP"):
            return "may not be fetched (CAIRN_NO_PIP)"
        try:
            subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True, capture_output=True, timeout=300)
            subprocess.run([os.path.join(folder, "bin", "pip"), "install", "--quiet", "--no-compile", "--disable-pip-version-check", "--timeout", "15",
                            "--retries", "1", "-r", packages], check=True, capture_output=True, timeout=600)
        except (OSError, subprocess.SubprocessError):
            with open(tried, "w", encoding="utf-8") as f:
                f.write(wanted)
            return "are not reached"
        with open(done, "w", encoding="utf-8") as f:
            f.write(wanted)
        return None


def need(*modules, group=""):
    missing = [m for m in modules if importlib.util.find_spec(m) is None]
    if not missing:
        return
    folder = os.environ.get("CAIRN_TEST_VENV")
    if not folder:
        skip(f"the Python packages {', '.join(missing)} are not installed, and CAIRN_TEST_VENV names no folder for them")
    folder, packages = (folder + "-" + group, LIST[:-4] + f"-{group}.txt") if group else (folder, LIST)
    python = os.path.join(folder, "bin", "python")
    if os.path.abspath(sys.prefix) == os.path.abspath(folder):
        skip(f"the Python packages {', '.join(missing)} are not in {folder}")
    why = _make(folder, packages)
    if why:
        skip(f"the Python packages {', '.join(missing)} {why}")
    os.execv(python, [python, *sys.argv])
