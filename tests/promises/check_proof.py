"""Checks what `cordon evidence prove --json` prints (on standard input), as whoever has nothing of Cordon's would: by
the standards alone. Ed25519 as RFC 8032 (section 5.1) has it, Merkle trees as RFC 9162 (section 2.1.3.2), the C2SP
signed-note and tlog-checkpoint forms. Prints how many entries it found proven; anything wrong is exit code 1."""

import base64
import hashlib
import json
import sys

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_1 = pow(2, (P - 1) // 4, P)


def add(a, b):
    """Of points in extended coordinates."""
    e = (a[1] - a[0]) * (b[1] - b[0]) % P
    f = (a[1] + a[0]) * (b[1] + b[0]) % P
    g = 2 * a[3] * b[3] * D % P
    h = 2 * a[2] * b[2] % P
    return ((f - e) * (h - g) % P, (h + g) * (f + e) % P, (h - g) * (h + g) % P, (f - e) * (f + e) % P)


def times(scalar, point):
    result = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            result = add(result, point)
        point = add(point, point)
        scalar >>= 1
    return result


def point(octets):
    y = int.from_bytes(octets, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    assert y < P, "no point"
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_OF_MINUS_1 % P
    assert (x * x - square) % P == 0, "no point"
    if x & 1 != sign:
        x = P - x
    return (x, y, 1, x * y % P)


def same(a, b):
    return (a[0] * b[2] - b[0] * a[2]) % P == 0 and (a[1] * b[2] - b[1] * a[2]) % P == 0


y = 4 * pow(5, P - 2, P) % P
BASE = point(y.to_bytes(32, "little"))


def expect_signature(key, message, signature):
    scalar = int.from_bytes(signature[32:], "little")
    digest = hashlib.sha512(signature[:32] + key + message).digest()
    challenge = int.from_bytes(digest, "little") % L
    right = scalar < L and same(times(scalar, BASE), add(point(signature[:32]), times(challenge, point(key))))
    assert right, "the signature is not the key's"


def opened(note, verifier):
    """The origin, size and root of a checkpoint that this key has signed."""
    name, key_hash, key = verifier.strip().split("+", 2)
    key = base64.b64decode(key, validate=True)
    assert key[0] == 1 and len(key) == 33, "no Ed25519 key"
    own_hash = hashlib.sha256(name.encode() + b"\n" + key).digest()[:4]
    assert own_hash.hex() == key_hash, "the key's hash is another"
    text, signatures = note.rsplit("\n\n", 1)
    text += "\n"
    ours = [line.split(" ") for line in signatures.splitlines() if line.split(" ")[1] == name]
    assert len(ours) == 1 and ours[0][0] == "\u2014", "it is not signed by " + name
    signature = base64.b64decode(ours[0][2], validate=True)
    assert signature[:4] == own_hash, "it is signed by another key"
    expect_signature(key[1:], text.encode(), signature[4:])
    origin, size, root = text.splitlines()[:3]
    assert origin == name, "its origin is another"
    return int(size), base64.b64decode(root, validate=True)


def node(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_from(index, size, leaf, path):
    """RFC 9162, section 2.1.3.2."""
    first, last, here = index, size - 1, leaf
    for sibling in path:
        assert last > 0, "the proof is too long"
        if first & 1 or first == last:
            here = node(sibling, here)
            while not first & 1 and first:
                first, last = first >> 1, last >> 1
        else:
            here = node(here, sibling)
        first, last = first >> 1, last >> 1
    assert last == 0, "the proof is too short"
    return here


def main():
    answer = json.load(sys.stdin)
    size, root = opened(answer["checkpoint"], open(sys.argv[1]).read())
    for proof in answer["proofs"]:
        index, entry = proof["index"], proof["entry"]
        assert index < size, "it is not signed for"
        assert json.loads(entry)["index"] == index, "the entry is of another place"
        leaf = hashlib.sha256(b"\x00" + entry.encode()).digest()
        path = [base64.b64decode(one, validate=True) for one in proof["proof"]]
        assert root_from(index, size, leaf, path) == root, f"entry {index} is not in the tree"
    print(len(answer["proofs"]))


main()
