"""A server on this computer that speaks S3 (moto), for tests and `tools/measure_cluster.py`."""

import contextlib
import logging

BUCKET = "photos"
KEY, SECRET = "key", "secret"


@contextlib.contextmanager
def s3_server():
    """Start it with an empty bucket; yield a boto3 client and the query that leads there."""
    import boto3
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line a request
    started = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    started.start()
    host, port = started.get_host_and_port()
    client = boto3.client(
        "s3",
        endpoint_url=f"http://{host}:{port}",
        region_name="us-east-1",
        aws_access_key_id=KEY,
        aws_secret_access_key=SECRET,
    )
    client.create_bucket(Bucket=BUCKET)
    yield client, f"?endpoint_override={host}:{port}&scheme=http&region=us-east-1"
    started.stop()


def put_files(client, prefix, files):
    """Store name -> bytes below a prefix."""
    for name, data in files.items():
        client.put_object(Bucket=BUCKET, Key=f"{prefix}/{name}", Body=data)


def get_files(client, prefix):
    """Return name -> bytes of all below a prefix."""
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=f"{prefix}/")
    keys = [item["Key"] for page in pages for item in page.get("Contents", ())]
    return {
        key[len(prefix) + 1 :]: client.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        for key in keys
    }


def place(prefix, query):
    """Return the address of a prefix, as the cluster's command takes it."""
    return f"s3://{KEY}:{SECRET}@{BUCKET}/{prefix}{query}"
