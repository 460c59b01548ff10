"""ML-DSA-65 (FIPS 204) of an implementation that shares no code with this project's.

usage: ml_dsa.py keygen DIR | sign SECRET_KEY_FILE TEXT | verify PUBLIC_KEY_FILE TEXT SIGNATURE_HEX
"""

import os
import sys
from pathlib import Path

from dilithium_py.ml_dsa import ML_DSA_65


def main():
    mode, file, *rest = sys.argv[1:]
    path = Path(file)
    if mode == "keygen":
        public, secret = ML_DSA_65.keygen()
        os.umask(0o077)
        (path / "key.ml").write_bytes(secret)
        (path / "key.ml.pub").write_bytes(public)
    elif mode == "sign":
        print(ML_DSA_65.sign(path.read_bytes(), rest[0].encode()).hex())
    else:
        text, signature = rest
        valid = ML_DSA_65.verify(path.read_bytes(), text.encode(), bytes.fromhex(signature))
        print("valid" if valid else "invalid")


main()
