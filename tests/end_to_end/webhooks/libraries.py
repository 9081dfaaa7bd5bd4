"""Signs and verifies webhooks with the libraries that their providers publish.

`libraries.py sign` and `libraries.py verify` read a list of deliveries as JSON from standard input. The one adds
headers; the other says of each whether it is genuine, and whether it is with another body.
"""

import datetime
import json
import sys
import time

import stripe
from slack_sdk.signature import SignatureVerifier
from standardwebhooks import Webhook


def sign(one):
    now, secret, body = int(time.time()), one["secret"], one["body"]
    headers = {"content-type": "application/json"}
    if one["source"] == "payments":
        signature = stripe.WebhookSignature._compute_signature(f"{now}.{body}", secret)
        headers["stripe-signature"] = f"t={now},v1={signature}"
    elif one["source"] == "standard":
        at = datetime.datetime.fromtimestamp(now, tz=datetime.timezone.utc)
        headers["webhook-id"] = one["id"]
        headers["webhook-timestamp"] = str(now)
        headers["webhook-signature"] = Webhook(secret).sign(one["id"], at, body)
    else:
        headers["x-slack-request-timestamp"] = str(now)
        headers["x-slack-signature"] = SignatureVerifier(secret).generate_signature(timestamp=str(now), body=body)
    return {**one, "headers": headers}


def genuine(one, body):
    secret, headers = one["secret"], one["headers"]
    try:
        if one["source"] == "payments":
            stripe.Webhook.construct_event(body, headers["stripe-signature"], secret)
        elif one["source"] == "standard":
            Webhook(secret).verify(body, headers)
        else:
            return SignatureVerifier(secret).is_valid_request(body, headers)
    except Exception as error:
        print(f"{one['source']}: {error}", file=sys.stderr)
        return False
    return True


def verify(one):
    return [one["source"], genuine(one, one["body"]), genuine(one, one["body"] + " ")]


print(json.dumps([{"sign": sign, "verify": verify}[sys.argv[1]](one) for one in json.load(sys.stdin)]))
