"""A recording relay between the facade and a simulated MIG: mutual TLS on both sides, every byte kept as it came."""

import http.client
import ssl
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass
class Exchange:
    """One question and its answer, as they were on the wire."""

    soap_action: str
    request: bytes
    status: int
    answer: bytes


def client_context(folder: Path) -> ssl.SSLContext:
    """TLS as the facade speaks it, with the certificates of a demo's folder."""
    context = ssl.create_default_context(cafile=str(folder / "ca.pem"))
    context.load_cert_chain(folder / "client.pem", folder / "client.key")
    return context


def post(folder: Path, port: int, body: bytes, soap_action: str) -> tuple[int, bytes]:
    """Posts bytes to a MIG on this machine."""
    connection = http.client.HTTPSConnection("localhost", port, context=client_context(folder), timeout=20)
    try:
        headers = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": soap_action}
        connection.request("POST", "/mig", body=body, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


class Relay:
    """Listens from the start; forwards once it knows where to."""

    def __init__(self, folder: Path) -> None:
        self.exchanges: list[Exchange] = []
        self.upstream: int | None = None
        relay = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                action = self.headers["SOAPAction"]
                status, answer = post(folder, relay.upstream, body, action)
                relay.exchanges.append(Exchange(action, body, status, answer))
                self.send_response(status)
                self.send_header("Content-Type", "text/xml; charset=utf-8")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                pass

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "server.pem", folder / "server.key")
        context.load_verify_locations(folder / "ca.pem")
        context.verify_mode = ssl.CERT_REQUIRED
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"https://localhost:{self.server.server_address[1]}/mig"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
