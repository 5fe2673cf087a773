"""A far store: a server behind a link with a delay, a rate, and TLS."""

from __future__ import annotations

import asyncio
import ssl
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.processes import MongoServer, Process, wait_for

PIECE = 64 * 1024


class Link:
    """Takes what is sent from one side to another, later and no faster than its rate."""

    def __init__(self, delay: float, rate: float) -> None:
        self.delay, self.rate = delay, rate
        self.free_at = 0.0

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(100)

        async def deliver() -> None:
            with suppress(OSError):  # either side may break a connection
                while True:
                    due, data = await under_way.get()
                    await asyncio.sleep(max(0, due - loop.time()))
                    if not data:
                        break
                    writer.write(data)
                    await writer.drain()
            writer.close()

        delivery = asyncio.create_task(deliver())
        with suppress(OSError):
            while (data := await reader.read(PIECE)) and not delivery.done():
                self.free_at = max(self.free_at, loop.time()) + len(data) / self.rate
                await under_way.put((self.free_at + self.delay, data))
                # One piece of each connection waits, so that all of them have their share.
                await asyncio.sleep(self.free_at - loop.time())
        if not delivery.done():
            await under_way.put((loop.time() + self.delay, b""))
        await delivery


class FarStore(Process):
    """A server as it is reached from afar: with TLS, each round trip of which takes its time."""

    def __init__(
        self, server: MongoServer, folder: Path, round_trip: float, rate: float = 1e12
    ) -> None:
        self.certificate = certificate(folder)
        arguments = (server.port, self.certificate, round_trip / 2, rate)
        super().__init__(
            [sys.executable, "-m", "tests.far_store", *map(str, arguments)], folder / "far.log"
        )

    def start(self) -> None:
        super().start()
        port = wait_for(lambda: self.output.strip(), "the link listens")
        options = f"directConnection=true&tls=true&tlsCAFile={self.certificate}"
        self.uri = f"mongodb://127.0.0.1:{port}/tests?{options}"


async def listen(port: int, link: tuple[float, float], tls: ssl.SSLContext | None = None) -> int:
    """Take connections to a port over a link; return the port where they come in."""
    back = Link(*link)

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
        there = Link(*link).carry(reader, inner_writer)
        await asyncio.gather(there, back.carry(inner_reader, writer))

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    number: int = server.sockets[0].getsockname()[1]
    return number


async def serve(port: int, file: str, delay: float, rate: float) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(file)
    print(await listen(await listen(port, (0, 1e12), tls), (delay, rate)), flush=True)
    await asyncio.Event().wait()


def certificate(folder: Path) -> Path:
    """Return the file of a certificate for this machine, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    moment = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment - timedelta(days=1))
        .not_valid_after(moment + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    file = folder / "server.pem"
    file.write_bytes(private + signed.public_bytes(serialization.Encoding.PEM))
    return file


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), sys.argv[2], float(sys.argv[3]), float(sys.argv[4])))
