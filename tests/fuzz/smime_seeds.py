#!/usr/bin/env python3
"""Make CMS structures as mail programs send them: smime_seeds.py DIR. Needs openssl; says so and makes none without it."""
import pathlib
import shutil
import subprocess
import sys
import tempfile

TEXT = (b"Content-Type: text/plain; charset=utf-8\n\nThe lease ends in June.\n")
HTML = (b"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/html\n\n<p>Rent <b>900</b></p>\n"
        b"--b\nContent-Type: text/csv\nContent-Disposition: attachment; filename=rent.csv\n\nmonth,rent\nJune,900\n--b--\n")


def make(folder):
    """{name: DER} of signed (with and without the text, twice, by no certificate), enveloped and plain data."""
    made = {}

    def openssl(name, verb, *args):
        out = folder / f"{name}.der"
        done = subprocess.run(["openssl", verb, "-out", out, *args], cwd=folder, capture_output=True)
        if done.returncode == 0:  # not every openssl can do all of them
            made[name] = out.read_bytes()

    for kind, extra in (("rsa", ["rsa:1024"]), ("ec", ["ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"])):
        subprocess.run(["openssl", "req", "-x509", "-newkey", *extra, "-nodes", "-days", "9", "-subj", f"/CN={kind}",
                        "-keyout", f"{kind}.key", "-out", f"{kind}.crt"], cwd=folder, capture_output=True, check=True)
    for name, text in (("text", TEXT), ("html", HTML)):
        (folder / name).write_bytes(text)
        for kind in ("rsa", "ec"):
            sign = ["cms", "-sign", "-binary", "-in", name, "-signer", f"{kind}.crt", "-inkey", f"{kind}.key",
                    "-outform", "DER"]
            openssl(f"{name}-{kind}", *sign, "-nodetach")
            openssl(f"{name}-{kind}-detached", *sign)
            openssl(f"{name}-{kind}-bare", *sign, "-nodetach", "-nocerts", "-noattr")
            openssl(f"{name}-{kind}-stream", *sign, "-nodetach", "-stream")  # lengths left open
    openssl("certificates", "crl2pkcs7", "-nocrl", "-certfile", "rsa.crt", "-outform", "DER")
    openssl("data", "cms", "-data_create", "-in", "text", "-outform", "DER")
    openssl("compressed", "cms", "-compress", "-in", "html", "-outform", "DER")
    openssl("enveloped", "cms", "-encrypt", "-in", "text", "-outform", "DER", "rsa.crt")
    both = ["cms", "-sign", "-binary", "-nodetach", "-outform", "DER", "-signer", "rsa.crt", "-inkey", "rsa.key"]
    (folder / "wrapped").write_bytes(
        b"Content-Type: application/pkcs7-mime; smime-type=signed-data\n"
        b"Content-Transfer-Encoding: binary\n\n" + made["text-rsa"])
    openssl("twice", *both, "-in", "wrapped")
    openssl("two-signers", *both, "-in", "text", "-signer", "ec.crt", "-inkey", "ec.key")
    return made


def main():
    out = pathlib.Path(sys.argv[1])
    if not shutil.which("openssl"):
        print("smime_seeds: openssl is not installed: no seeds", file=sys.stderr)
        return
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for name, der in make(pathlib.Path(folder)).items():
            (out / name).write_bytes(der)


if __name__ == "__main__":
    main()
