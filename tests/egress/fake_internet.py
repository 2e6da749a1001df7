#!/usr/bin/python3
"""An internet for tests: runs in a network namespace of its own, where every address is local, and counts every byte.

DNS (UDP and TCP, port 53) from a zone that the test writes; HTTP on 80 and 8080, TLS with HTTP inside on 443; raw TCP:
7000 echoes, 7001 only reads, 7002 writes without end, 7003 accepts and is silent, 7004 answers nothing and resets,
7005 answers the first bytes with a HelloRetryRequest, 7006 reads nothing. 93.184.216.35 does TLS with a key share only that clients do not
send unasked. 5432 speaks as much of PostgreSQL's protocol as one question needs, and asks for no password.
One command a line on standard input, one answer a line on standard output, both JSON:
  {"do": "name", "name": "a.test", "A": [["1.2.3.4"], ["10.0.0.1"]], "AAAA": [[]], "cname": "b.test", "rcode": 0, "silent": false}
      A and AAAA: what the first query is answered with, the second, ...; the last stays
  {"do": "site", "prefix": "/repo.git/", "files": {"HEAD": BASE64}}
      what HTTP and TLS answer below that path, whatever the host; 404 for what is no file of it
  {"do": "resolver", "lives": false}   nobody listens on port 53 any more, or again
  {"do": "packets", "counted": false}   nobody looks at packets any more, or again
  {"do": "counts"}   queries, connections, packets by destination, since the start or the last "forget"
  {"do": "forget"}
usage: fake_internet.py INTERFACE DIRECTORY
"""
import asyncio
import base64
import collections
import hashlib
import json
import os
import socket
import ssl
import struct
import subprocess
import sys

interface, directory = sys.argv[1:3]
zone, sites, queries, connections, packets = {}, {}, [], [], collections.Counter()


def certificate():
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-keyout", f"{directory}/key.pem", "-out", f"{directory}/cert.pem", "-subj", "/CN=fake internet",
         "-addext", "subjectAltName=DNS:example.com,DNS:*.example.com,DNS:*.example.net,DNS:a.test,DNS:*.a.test"],
        check=True, capture_output=True)


def server():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{directory}/cert.pem", f"{directory}/key.pem")
    return context


def encoded(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".") if label) + b"\0"


def decoded(message, at):
    labels = []
    while message[at]:
        labels.append(message[at + 1:at + 1 + message[at]].decode("latin1"))
        at += 1 + message[at]
    return ".".join(labels).lower(), at + 1


def records(name, kind, depth=0):
    entry = zone.get(name)
    if entry is None or depth > 8:
        return []
    if entry.get("cname"):
        target = encoded(entry["cname"])
        alias = encoded(name) + struct.pack(">HHIH", 5, 1, 1, len(target)) + target
        return [alias] + records(entry["cname"], kind, depth + 1)
    family, number = {"A": (socket.AF_INET, 1), "AAAA": (socket.AF_INET6, 28)}[kind]
    turns = entry.get(kind) or [[]]
    answers = turns.pop(0) if len(turns) > 1 else turns[0]
    out = []
    for address in answers:
        data = socket.inet_pton(family, address)
        out.append(encoded(name) + struct.pack(">HHIH", number, 1, 1, len(data)) + data)
    return out


def answer(message):
    name, end = decoded(message, 12)
    kind = {1: "A", 28: "AAAA"}.get(struct.unpack(">H", message[end:end + 2])[0])
    queries.append([name, kind])
    entry = zone.get(name)
    if entry and entry.get("silent"):
        return None
    found = records(name, kind) if kind else []
    rcode = 3 if entry is None else entry.get("rcode", 0)
    return message[:2] + struct.pack(">HHHHH", 0x8180 | rcode, 1, len(found), 0, 0) + message[12:end + 4] + b"".join(found)


class DnsUdp(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, message, sender):
        reply = answer(message)
        if reply is None:
            return
        if len(reply) > 512:  # truncated: the question comes again over TCP
            _, end = decoded(message, 12)
            reply = reply[:2] + b"\x83\x80" + reply[4:6] + b"\0\0\0\0\0\0" + message[12:end + 4]
        self.transport.sendto(reply, sender)


class Recorded(asyncio.Protocol):
    """A connection whose bytes are counted below everything else that is done with them."""

    def connection_made(self, transport):
        self.transport = transport
        address, port = transport.get_extra_info("sockname")[:2]
        self.seen = {"address": address, "port": port, "in": 0, "out": 0, "head": "", "text": "", "ended": "open"}
        connections.append(self.seen)
        self.begin()

    def data_received(self, data):
        self.seen["in"] += len(data)
        if len(self.seen["head"]) < 8192:
            self.seen["head"] += data[:8192].decode("latin1")
        self.take(data)

    def send(self, data):
        self.seen["out"] += len(data)
        self.transport.write(data)

    def eof_received(self):
        self.seen["ended"] = "eof"
        self.end()

    def connection_lost(self, error):
        self.seen["ended"] = "reset" if error else "closed"
        self.count_unread()

    def count_unread(self):
        """What has arrived and is read by nobody any more: before a reset, or behind an end."""
        fd = self.transport.get_extra_info("socket").fileno()
        try:
            while rest := os.read(fd, 65536):
                self.seen["in"] += len(rest)
        except OSError:
            pass  # nothing more

    def begin(self):
        pass

    def take(self, data):
        pass

    def end(self):
        pass


class DnsTcp(Recorded):
    def begin(self):
        self.buffer = b""

    def take(self, data):
        self.buffer += data
        while len(self.buffer) > 2:
            size = struct.unpack(">H", self.buffer[:2])[0]
            if len(self.buffer) < size + 2:
                return
            reply = answer(self.buffer[2:size + 2])
            self.buffer = self.buffer[size + 2:]
            if reply is not None:
                self.send(struct.pack(">H", len(reply)) + reply)


class Retries(Recorded):
    def begin(self):
        self.asked = False

    def take(self, data):
        if self.asked:
            return
        self.asked = True
        body = b"\x03\x03" + hashlib.sha256(b"HelloRetryRequest").digest() + b"\0\x13\x01\0\0\x06\0\x2b\0\x02\x03\x04"
        message = b"\x02" + len(body).to_bytes(3, "big") + body
        self.send(b"\x16\x03\x03" + struct.pack(">H", len(message)) + message)


def found(path):
    """What a server has there: a status and a body."""
    if path.startswith("/bytes/"):
        return b"200 OK", b"x" * int(path[7:])
    path = path.split("?")[0]
    for prefix, files in sites.items():
        if path.startswith(prefix):
            body = files.get(path[len(prefix):])
            return (b"404 Not Found", b"none\n") if body is None else (b"200 OK", body)
    return b"200 OK", b"hello\n"


class Http(Recorded):
    def begin(self):
        self.buffer = b""
        self.answered = False

    def take(self, data):
        self.plain(data)

    def plain(self, data):
        self.buffer += data
        self.seen["text"] = self.buffer[:65536].decode("latin1")
        head, found, body = self.buffer.partition(b"\r\n\r\n")
        if not found or self.answered:
            return
        lower = head.lower()
        if b"transfer-encoding: chunked" in lower:
            complete = body.endswith(b"0\r\n\r\n")
        else:
            length = [line for line in lower.split(b"\r\n") if line.startswith(b"content-length:")]
            complete = len(body) >= (int(length[0].split(b":")[1]) if length else 0)
        if complete:
            self.answered = True
            self.reply(head.split(b" ")[1].decode("latin1"))

    def reply(self, path):
        if path.startswith("/redirect"):
            self.say(b"HTTP/1.1 302 Found\r\nLocation: http://denied.test/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        else:
            status, body = found(path)
            kind = b"text/html" if path.endswith("/") else b"application/octet-stream"
            self.say(b"HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" %
                     (status, kind, len(body)) + body)
        self.close()

    def say(self, data):
        self.send(data)

    def close(self):
        self.transport.write_eof()  # and the rest when the other side has said all, too


class Https(Http):
    def begin(self):
        super().begin()
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        own = retrying if self.seen["address"] == "93.184.216.35" else context
        self.tls = own.wrap_bio(self.incoming, self.outgoing, server_side=True)
        self.shaken = False

    def flush(self):
        data = self.outgoing.read()
        if data:
            self.send(data)

    def take(self, data):
        self.incoming.write(data)
        try:
            if not self.shaken:
                self.tls.do_handshake()
                self.shaken = True
            while True:
                data = self.tls.read(65536)
                if not data:
                    break
                self.plain(data)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            self.seen["tls_error"] = str(error)
        self.flush()

    def say(self, data):
        self.tls.write(data)
        self.flush()

    def close(self):
        try:
            self.tls.unwrap()
        except ssl.SSLError:
            pass
        self.flush()
        self.transport.write_eof()


class Echo(Recorded):
    def take(self, data):
        self.send(data)


class Sink(Recorded):
    pass


class Source(Recorded):
    def begin(self):
        self.paused = False
        asyncio.get_running_loop().call_soon(self.more)

    def more(self):
        while not self.paused and not self.transport.is_closing():
            self.send(b"y" * 65536)

    def pause_writing(self):
        self.paused = True

    def resume_writing(self):
        self.paused = False
        asyncio.get_running_loop().call_soon(self.more)


class Postgres(Recorded):
    """PostgreSQL's messages (its manual, 55): a start without encryption, and each question's answer is one row: hello."""

    def begin(self):
        self.buffer, self.started = b"", False

    def take(self, data):
        self.buffer += data
        while len(self.buffer) >= (head := 5 if self.started else 4):
            size = struct.unpack(">I", self.buffer[head - 4:head])[0] + head - 4
            if len(self.buffer) < size:
                return
            message, self.buffer = self.buffer[:size], self.buffer[size:]
            self.obey(message)

    def obey(self, message):
        if not self.started and struct.unpack(">I", message[4:8])[0] in (80877103, 80877104):  # TLS, GSS?
            return self.send(b"N")
        if not self.started:
            self.started = True
            return self.say(b"R", b"\0\0\0\0", b"S", b"server_version\x0015.0\0", b"S", b"client_encoding\0UTF8\0",
                            b"Z", b"I")
        if message[:1] == b"X":
            return self.transport.close()
        if message[:1] == b"Q":
            column = b"\0\x01said\0" + struct.pack(">IHIhih", 0, 0, 25, -1, -1, 0)
            self.say(b"T", column, b"D", b"\0\x01\0\0\0\x05hello", b"C", b"SELECT 1\0", b"Z", b"I")

    def say(self, *words):
        self.send(b"".join(kind + struct.pack(">I", len(body) + 4) + body for kind, body in zip(words[::2], words[1::2])))


class Silent(Recorded):
    def eof_received(self):
        return True


class Deaf(Recorded):
    def connection_made(self, transport):
        super().connection_made(transport)
        asyncio.get_running_loop().call_soon(transport.pause_reading)  # which begins behind this


class Resets(Recorded):
    def take(self, data):
        connection = self.transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()


class Sniffer:
    """What arrives here, whatever becomes of it: protocol, destination, port."""

    socket = None

    def begin(self):
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK, socket.htons(3))
        self.socket.bind((interface, 0))
        asyncio.get_running_loop().add_reader(self.socket, self.count)

    def end(self):
        asyncio.get_running_loop().remove_reader(self.socket)
        self.socket.close()
        self.socket = None

    def count(self):
        while self.socket:
            try:
                frame, where = self.socket.recvfrom(128)
            except BlockingIOError:
                return
            if where[2] == socket.PACKET_OUTGOING:
                continue
            if where[1] == 0x0800 and len(frame) >= 24:
                header = (frame[0] & 15) * 4
                port = struct.unpack(">H", frame[header + 2:header + 4])[0] if frame[9] in (6, 17) else 0
                packets[f"{frame[9]} {socket.inet_ntoa(frame[16:20])} {port}"] += 1
            elif where[1] == 0x86DD and len(frame) >= 44 and frame[6] in (6, 17):
                port = struct.unpack(">H", frame[42:44])[0]
                packets[f"{frame[6]} {socket.inet_ntop(socket.AF_INET6, frame[24:40])} {port}"] += 1


class Resolver:
    """Port 53 of 9.9.9.9, while it lives."""

    async def begin(self):
        loop = asyncio.get_running_loop()
        self.udp, _ = await loop.create_datagram_endpoint(DnsUdp, local_addr=("9.9.9.9", 53))
        self.tcp = await loop.create_server(DnsTcp, "9.9.9.9", 53, backlog=4096)

    def end(self):
        self.udp.close()
        self.tcp.close()


async def obey(line):
    command = json.loads(line)
    if command["do"] == "resolver":
        await resolver.begin() if command["lives"] else resolver.end()
        return {}
    if command["do"] == "packets":
        sniffer.begin() if command["counted"] else sniffer.end()
        return {}
    if command["do"] == "name":
        zone[command["name"]] = command
        return {}
    if command["do"] == "site":
        sites[command["prefix"]] = {path: base64.b64decode(text) for path, text in command["files"].items()}
        return {}
    if command["do"] == "forget":
        queries.clear()
        connections.clear()
        packets.clear()
        return {}
    return {"queries": queries, "connections": connections, "packets": packets}


async def main():
    loop = asyncio.get_running_loop()
    sniffer.begin()
    await resolver.begin()
    servers = [(80, Http), (8080, Http), (443, Https), (7000, Echo), (7001, Sink), (7002, Source),
               (7003, Silent), (7004, Resets), (7005, Retries), (7006, Deaf), (5432, Postgres)]
    for port, protocol in servers:
        for family, host in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
            server = await loop.create_server(protocol, host, port, family=family, backlog=4096)
            if protocol is Deaf:  # its kernel keeps little for it either: each connection inherits that
                server.sockets[0].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    commands = asyncio.StreamReader(limit=1 << 26)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    print("{}", flush=True)
    while line := await commands.readline():
        sniffer.count()
        print(json.dumps(await obey(line)), flush=True)


certificate()
context, retrying, resolver, sniffer = server(), server(), Resolver(), Sniffer()
retrying.set_ecdh_curve("secp384r1")
asyncio.run(main())
