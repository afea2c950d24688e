#!/usr/bin/env python3
"""The least of a Weights & Biases server, to see what the package's own `wandb sync` reads from an offline run.

wandb_server.py &
WANDB_BASE_URL=http://127.0.0.1:9099 WANDB_API_KEY=$(printf '0%.0s' $(seq 40)) wandb sync RUN_DIR/wandb/offline-run-*

Prints the run, its options and each line of its history as the client uploads them (made with wandb 0.31).
"""
import gzip
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BUCKET = {"id": "run", "name": "run", "displayName": "run", "config": "{}", "historyLineCount": 0,
          "project": {"id": "project", "name": "project", "entity": {"id": "entity", "name": "someone"}}}
VIEWER = {"id": "viewer", "username": "someone", "entity": "someone", "flags": "{}", "teams": {"edges": []}}


def answer(request):
    query, variables = request["query"], request.get("variables", {})
    if "upsertBucket" in query:
        config = json.loads(variables.get("config") or "{}")
        print("run", variables["name"], "of project", variables["project"], "with", len(config), "options", flush=True)
        return {"upsertBucket": {"bucket": BUCKET, "inserted": True}}
    if "viewer" in query:
        return {"viewer": VIEWER, "serverInfo": {"cliVersionInfo": {}, "features": []}}
    if "serverInfo" in query:
        return {"serverInfo": {"features": [], "cliVersionInfo": {}}}
    if "createRunFiles" in query:
        return {"createRunFiles": {"runID": "run", "uploadHeaders": [], "files": []}}
    if "__type" in query:
        return {"QueryType": {"fields": []}, "MutationType": {"fields": []}, "ServerInfoType": {"fields": []}}
    return {"model": None}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def reply(self, value):
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        if self.path == "/graphql":
            return self.reply({"data": answer(json.loads(body))})
        if self.path.endswith("/file_stream"):
            upload = json.loads(body)
            for line in upload.get("files", {}).get("wandb-history.jsonl", {}).get("content", []):
                values = json.loads(line)
                print("step", values["_step"], "train/loss", values["train/loss"], f"({len(values)} values)", flush=True)
            if upload.get("complete"):
                print("complete, exit code", upload.get("exitcode"), flush=True)
        self.reply({"exitcode": None, "limits": {}})


ThreadingHTTPServer(("127.0.0.1", 9099), Handler).serve_forever()
