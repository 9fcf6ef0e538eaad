"""A server that speaks the few endpoints of the Hugging Face Hub that pulling and pushing need.

Files live in FOLDER/OWNER/NAME. Uploads come inside of the commit ("regular"); large files by LFS or
Xet, which the real Hub asks for, are not spoken here. Plain files are served under /files/.

    python hub.py FOLDER      prints its port
"""

from __future__ import annotations

import base64
import hashlib
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(sys.argv[1]) if __name__ == "__main__" else Path()
COMMIT = "c0ffee" * 6 + "c0ff"


class Hub(BaseHTTPRequestHandler):
    """Answers one request."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_) -> None:
        """Say nothing."""

    def answer(self, code: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def json(self, document: object, code: int = 200) -> None:
        self.answer(code, json.dumps(document).encode(), Content_Type="application/json")

    def body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            data = b""
            while size := int(self.rfile.readline(), 16):
                data += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return data
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path).strip("/")
        parts = path.split("/")
        if parts[0] == "files":
            return self.file(ROOT / "/".join(parts[1:]))
        if parts[0] == "away":
            return self.answer(302, Location="/".join(["http://127.0.0.1:1", *parts[1:]]))
        if parts[0] == "ftp":
            return self.answer(302, Location="ftp://127.0.0.1/a.ruis")
        if parts[0] == "half":
            self.send_response(200)
            self.send_header("Content-Length", "1000000")
            self.end_headers()
            self.wfile.write(b"half")
            self.close_connection = True
            return None
        if parts[:2] == ["api", "models"]:
            return self.model("/".join(parts[2:4]))
        if len(parts) >= 5 and parts[2] == "resolve":
            return self.file(ROOT / parts[0] / parts[1] / "/".join(parts[4:]))
        return self.missing("RepoNotFound")

    def missing(self, code: str) -> None:
        self.answer(404, b"{}", X_Error_Code=code, X_Error_Message=f"{code}: not here")

    def model(self, repository: str) -> None:
        folder = ROOT / repository
        if not folder.is_dir():
            return self.missing("RepoNotFound")
        files = []
        for one in sorted(folder.iterdir()):
            data = one.read_bytes()
            entry = {"rfilename": one.name, "size": len(data), "blobId": "0" * 40}
            said = folder.parent / f"{folder.name}.{one.name}.said"
            if one.suffix == ".ruis":
                digest = said.read_text() if said.exists() else hashlib.sha256(data).hexdigest()
                entry["lfs"] = {"sha256": digest, "size": len(data), "pointerSize": 134}
            files.append(entry)
        return self.json(
            {"id": repository, "modelId": repository, "sha": COMMIT, "private": False, "tags": [],
             "downloads": 0, "likes": 0, "siblings": files}
        )  # fmt: skip

    def file(self, path: Path) -> None:
        if not path.is_file():
            return self.missing("EntryNotFound")
        data = path.read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        return self.answer(
            200, data, ETag=f'"{digest}"', X_Repo_Commit=COMMIT, Accept_Ranges="bytes"
        )

    def do_POST(self) -> None:
        path, body = unquote(urlsplit(self.path).path).strip("/"), self.body()
        parts = path.split("/")
        if "Bearer hf_secret" not in self.headers.get("Authorization", ""):
            return self.answer(401, b"{}", X_Error_Message="Invalid credentials")
        if path == "api/repos/create":
            asked = json.loads(body)
            name = f"{asked.get('organization') or 'me'}/{asked['name']}"
            (ROOT / name).mkdir(parents=True, exist_ok=True)
            return self.json({"url": f"http://{self.headers['Host']}/{name}", "name": name})
        if path == "api/validate-yaml":
            return self.json({"errors": [], "warnings": []})
        if "preupload" in parts:
            files = json.loads(body)["files"]
            told = [
                {"path": f["path"], "uploadMode": "regular", "shouldIgnore": False} for f in files
            ]
            return self.json({"files": told, "commitOid": COMMIT})
        if "commit" in parts:
            folder = ROOT / parts[2] / parts[3]
            for line in body.splitlines():
                entry = json.loads(line)
                if entry["key"] == "file":
                    value = entry["value"]
                    (folder / value["path"]).write_bytes(base64.b64decode(value["content"]))
            url = f"http://{self.headers['Host']}/{parts[2]}/{parts[3]}/commit/{COMMIT}"
            return self.json({"commitUrl": url, "commitOid": COMMIT, "success": True})
        return self.answer(404, b"{}")


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    print(server.server_port, flush=True)
    server.serve_forever()
