#!/usr/bin/env python3
"""Asks for bundles and follows the job until it ends. Needs redis-py: apt-get install python3-redis, or pip install redis.

REDIS_URL=redis://127.0.0.1:6379/0 enqueue.py SHOP UPLOAD
"""
import json, os, sys
import redis

shop, upload = sys.argv[1:3]
queue = "{%s}" % os.environ.get("QUEUE", "bundles")
client = redis.Redis.from_url(os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0"))
address = shop.replace("%", "%25").replace(":", "%3A") + ":" + upload

listener = client.pubsub(ignore_subscribe_messages=True)
listener.subscribe(f"{queue}:progress:{address}")  # first listen, then ask: nothing can be missed
listener.get_message(timeout=5)  # the server has confirmed it
client.rpush(f"{queue}:jobs", json.dumps({"v": 1, "shop": shop, "upload": upload}))

for message in listener.listen():
    event = json.loads(message["data"])
    print(f"{event.get('progress', 0):3}% {event['status']:<12} {event['message']}")
    if event["status"] in ("final", "failed", "cancelled", "rejected"):
        sys.exit(event["status"] != "final")
