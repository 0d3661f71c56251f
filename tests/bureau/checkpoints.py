"""Checks whether a checkpoint is proved: its signature, its key, and its order among the other checkpoints.

The key to trust is the one that `emisctl identity` showed when the gateway was accepted. A checkpoint contains its own key
only to distinguish a change of key from a broken signature.
"""

import base64
import binascii

from nacl.exceptions import CryptoError
from nacl.signing import VerifyKey


def words_of(body):
    """{word: value} from the signed text."""
    return dict(line.split(" ", 1) for line in body.splitlines()[1:] if " " in line)


def newest(payload):
    """The number of the newest alarm event at the time of the checkpoint."""
    return int(words_of(payload["body"]).get("seq", 0))


def signed_by(public_key, body, signature):
    try:
        VerifyKey(base64.b64decode(public_key)).verify(body.encode(), base64.b64decode(signature))
        return True
    except (CryptoError, ValueError, TypeError, binascii.Error):
        return False


def judge(store, payload):
    """(link, hash, proved, [(kind, words)]) of a checkpoint that follows the schema. Call this inside a transaction."""
    site, number, body = payload["site"], payload["number"], payload["body"]
    words = words_of(body)
    told = []
    if not signed_by(payload["public_key"], body, payload["signature"]):
        return None, None, False, [("bad-signature", f"checkpoint {number} is not signed by the key it names")]
    trusted, confirmed = store.key(site, payload["public_key"])
    if payload["public_key"] != trusted:
        told.append(("key-changed", f"checkpoint {number} is signed by {payload['public_key']}, trusted is {trusted}"))
    elif not confirmed:
        told.append(("key-unconfirmed",
                     f"{trusted} was taken from the first checkpoint; compare it with `emisctl identity`"))
    if words.get("site") != site or words.get("number") != str(number):
        told.append(("wrong-words", f"checkpoint {number} is signed as number {words.get('number')} of {words.get('site')}"))
    link, digest = int(words["link"]), words["hash"]
    told += out_of_row(store, site, number, link, digest)
    return link, digest, not [t for t in told if t[0] != "key-unconfirmed"], told


def out_of_row(store, site, number, link, digest):
    """Reports on a checkpoint that does not fit its neighbours. The chain only grows: a later checkpoint has the same
    number of links or more, and a link always has the same hash."""
    before, after = store.neighbours(site, number)
    told = []
    for other in (before, after):
        if other and other[1] == link and other[2] != digest:
            told.append(("chain-rewritten", f"checkpoints {other[0]} and {number} know different hashes of link {link}"))
    if before and before[1] > link or after and after[1] < link:
        told.append(("chain-rewritten", f"checkpoint {number} seals {link} links, out of order with its neighbours"))
    return told
